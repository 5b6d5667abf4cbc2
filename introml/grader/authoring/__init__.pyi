from .canaries import own_canaries as own_canaries
from .lab_test import prove_lab as prove_lab
from .mutants_bar import MutantsBar as MutantsBar
from .release import WouldOverwrite as WouldOverwrite
from .release import nbgrader_source as nbgrader_source
from .release import released_files as released_files
from .release import solution_notebook as solution_notebook
from .release import starter_notebook as starter_notebook
