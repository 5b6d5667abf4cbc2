"""Control groups: found, filled in and removed; version 2 in a made-up tree."""

import os
from pathlib import Path

import pytest

from introml.grader.box import cgroups


@pytest.fixture
def tree(tmp_path):
    """A tree like that of version 2: root, a slice that has the controllers on, a leaf."""
    for folder in ("", "user.slice", "user.slice/session.scope"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "cgroup.controllers").write_text("cpu memory pids")
        (tmp_path / folder / "cgroup.subtree_control").write_text("memory pids")
    return tmp_path


def test_the_nearest_group_that_gives_limits_on_is_taken(tree):
    own = "0::/user.slice/session.scope\n"
    assert cgroups.find_parents(tree, own).memory == tree / "user.slice/session.scope"
    leaf = tree / "user.slice/session.scope/cgroup.subtree_control"
    leaf.unlink()
    leaf.mkdir()  # neither readable nor writable as a file: like a group with processes in it
    found = cgroups.find_parents(tree, own)
    own_slice = tree / "user.slice"
    assert found == cgroups.Parents(2, own_slice, own_slice, clock=own_slice)


def test_processors_are_shared_evenly_where_that_can_be_had(tree):
    own = "0::/user.slice\n"
    assert cgroups.find_parents(tree, own).cpu is None  # a made-up file does not turn it on
    (tree / "user.slice/cgroup.subtree_control").write_text("cpu memory pids")
    parents = cgroups.find_parents(tree, own)
    assert parents.cpu == tree / "user.slice"
    assert parents.folders == [tree / "user.slice"]


def test_without_a_tree_there_are_none(tmp_path):
    assert cgroups.find_parents(tmp_path, "0::/\n") is None
    assert cgroups.find_parents(tmp_path / "absent", "4:memory:/x\n8:pids:/\n") is None


def test_version_1_needs_both_controllers(tmp_path):
    (tmp_path / "memory/a").mkdir(parents=True)
    own = "4:memory:/a\n8:pids:/\n"
    assert cgroups.find_parents(tmp_path, own) is None
    (tmp_path / "pids").mkdir()
    expected = cgroups.Parents(1, tmp_path / "memory/a", tmp_path / "pids")
    assert cgroups.find_parents(tmp_path, own) == expected
    (tmp_path / "cpu").mkdir()
    parents = cgroups.find_parents(tmp_path, own)
    assert parents.cpu == tmp_path / "cpu"
    group = cgroups.Cgroup(parents)
    name = group.memory.name
    assert [path.parent.name for path in tmp_path.glob(f"**/{name}")].count("cpu") == 1
    group.remove()
    assert not list(tmp_path.glob(f"**/{name}"))


def test_limits_and_kills_are_written_and_read_in_the_files_of_version_2(tree):
    group = cgroups.Cgroup(cgroups.find_parents(tree, "0::/user.slice\n"))
    group.limit(100, 7)
    assert (group.memory / "memory.max").read_text() == str(100 << 20)
    assert (group.memory / "memory.swap.max").read_text() == "0"
    assert (group.pids / "pids.max").read_text() == "7"
    (group.memory / "memory.events").write_text("oom 3\noom_kill 2\noom_group_kill 1\n")
    assert group.kills() == 2
    (group.memory / "cgroup.procs").write_text("")
    (entrance,) = group.entrances()
    os.write(entrance, b"0")
    os.close(entrance)
    assert (group.memory / "cgroup.procs").read_text() == "0"


def test_the_seconds_of_computing_are_read_where_the_kernel_counts_them(tree, tmp_path):
    group = cgroups.Cgroup(cgroups.find_parents(tree, "0::/user.slice\n"))
    (group.memory / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n")
    assert group.cpu_s() == 2.5
    for name in ("memory", "pids", "cpuacct"):
        (tmp_path / "one" / name).mkdir(parents=True)
    own = "4:memory:/\n8:pids:/\n"
    group = cgroups.Cgroup(cgroups.find_parents(tmp_path / "one", own))
    (group.clock / "cpuacct.usage").write_text("1250000000\n")
    assert group.cpu_s() == 1.25
    (tmp_path / "one/cpuacct").rename(tmp_path / "one/other")
    assert cgroups.Cgroup(cgroups.find_parents(tmp_path / "one", own)).cpu_s() is None


def test_only_groups_of_checkers_that_are_gone_are_removed(tmp_path):
    parents = cgroups.Parents(1, tmp_path, tmp_path)
    mine = cgroups.Cgroup(parents)
    old = tmp_path / f"introml-{os.getpid()}-1-0-2"  # the same pid, started at another time
    gone = tmp_path / "introml-4194303-5-0-3"
    other = tmp_path / "someone-else"
    for folder in (old, gone, other):
        folder.mkdir()
    cgroups.remove_stale(parents)
    assert sorted(tmp_path.iterdir()) == sorted([mine.memory, other])


def test_a_groups_folders_are_removed_with_it(tmp_path):
    for name in ("memory", "pids"):
        (tmp_path / name).mkdir()
    group = cgroups.Cgroup(cgroups.Parents(1, tmp_path / "memory", tmp_path / "pids"))
    assert group.memory != group.pids
    assert group.memory.is_dir()
    group.remove()
    group.remove()
    assert not list(Path(tmp_path).glob("*/*"))


def test_a_launcher_removes_its_own_templates_groups_only(tmp_path):
    parents = cgroups.Parents(1, tmp_path, tmp_path)
    mine, other = cgroups.new_owner(), cgroups.new_owner()
    groups = [cgroups.Cgroup(parents, owner) for owner in (mine, mine, other)]
    cgroups.remove_owned([str(tmp_path)], mine)
    assert list(tmp_path.iterdir()) == [groups[2].memory]
