from . import browser_places as browser_places
from .assets import Asset as Asset
from .similarity_report import report_html as report_html
