from .assets import Asset as Asset
from .similarity_report import report_html as report_html
