"""Nothing goes from one box to another, though both see the same read-only files.

What can't be closed (how long a thing takes on a processor, in its caches and on its disk) is in
SECURITY.md, with what is no longer there for it to be told by.
"""

import os

import pytest
from words import CARRY_WITHOUT_A_BOX, between_boxes, between_plain_processes

from introml.grader.box.limits import Limits
from introml.grader.box.template import Template


def test_no_word_gets_from_one_box_to_another_that_runs_at_once(template):
    assert between_boxes(template, slot=0.3) == set()


def test_no_word_gets_from_one_cold_box_to_another():
    with Template(cold=True) as template:
        assert between_boxes(template, slot=0.3) == set()


def test_the_same_programs_do_hear_each_other_without_boxes():
    """So that silence above says something of the box. On a busy machine bits get lost: again."""
    owners = {"mincore", "put out"}  # the kernel lets only a file's owner do these
    missing = CARRY_WITHOUT_A_BOX - (owners if os.getuid() else set())
    for slot in (0.3, 0.6, 1.0):
        missing = missing - between_plain_processes(slot)
        if not missing:
            return
    pytest.fail(f"these no longer carry a word on this machine: {sorted(missing)}")


def test_one_box_cannot_take_the_processes_of_another(template):
    """As an ordinary user too, whose boxes are one user to the kernel."""
    fork = """
import os, time
made = 0
try:
    while made < {most}:
        if os.fork() == 0:
            time.sleep(60); os._exit(0)
        made += 1
except OSError: pass
print(made)
"""
    limits = Limits(wall_s=60, processes=24, memory_mb=700)
    with template.box(limits) as greedy, template.box(limits) as other:
        told = []
        for box, most in ((greedy, 100), (other, 15)):
            source = fork.format(most=most)
            box.send({"op": "run", "cell": "a", "source": source}, 30)
            box.output.drain()
            told.append(int(box.output.text))
    assert told[0] in (22, 23)  # its first process and its own count too
    assert told[1] == 15
