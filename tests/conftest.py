"""The order of the test files: long ones first, or one of them is the last and the others wait."""

from pathlib import Path

HERE = Path(__file__).parent
#: Files that take half a minute and more, longest first (a file is run by one process).
LONG = [
    "hub/test_hub_on_one_machine.py",
    "hub/test_on_slurm.py",
    "hub/queue/test_worker.py",
    "hub/test_hostile_students.py",
    "hub/test_course_in_browser.py",
    "hub/web/test_look.py",
    "hub/web/test_service.py",
    "hub/test_kills.py",
    "grader/checks/test_speed.py",
    "grader/run/test_resume.py",
    "grader/box/test_box.py",
    "grader/test_cli.py",
    "grader/test_attacks.py",
    "grader/run/test_attempt.py",
    "labs/test_attention_lab.py",
    "grader/run/test_grade.py",
    "grader/authoring/test_lab_test.py",
    "grader/test_class.py",
    "grader/test_nbgrader.py",
    "grader/test_ordinary_user.py",
    "site/test_execute.py",
    "test_contributing.py",
]


def pytest_collection_modifyitems(items):
    place = {HERE / name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))
