"""The checker's side of a template: users for boxes, and what it says of how it stands."""

import pytest

from introml.grader.box.boxes import GraderFault
from introml.grader.box.limits import Limits
from introml.grader.box.template import Template


def test_each_living_box_has_a_user_of_its_own():
    template = Template()
    taken = [template.take(Limits()) for _ in range(16)]
    users = [user for user, _ in taken]
    assert len(set(users)) == 16
    with pytest.raises(GraderFault, match="at most 16 boxes at once"):
        template.take(Limits())
    template.give_back(*taken[3], clean=True)
    assert template.take(Limits())[0] == users[3]


def test_a_template_that_was_not_started_forks_no_box():
    with pytest.raises(GraderFault, match="has not been started"):
        Template().ask({"families": []}, [])


@pytest.mark.parametrize("isolated", [True, False])
def test_what_is_in_force_is_told(isolated):
    with Template(isolated=isolated) as template:
        told = template.in_force
        assert template.tells_ends == (template.kind != "bwrap")
        with template.box() as box:
            assert box.send({"op": "has", "name": "x"}, 20)["value"] is False
    if isolated:
        assert told["sandbox"] in ("namespaces", "user namespaces", "bubblewrap, cold")
        assert "net" in told["namespaces"]
        assert told["seccomp"] == "a list of allowed calls"
        assert told["/proc"] == "still"
        assert told["user"] == ("one for each box" if template.kind == "root" else "the grader's")
    else:
        assert (told["sandbox"], told["namespaces"], told["seccomp"]) == ("none", [], False)
        assert told["root"] == "the machine's"
