"""How a course is: what its database and its disks say."""

from full_disk import small_disk
from tiny_course import make_course

from introml.hub.course.state import state_of


def test_disks_are_told_once_each_and_a_full_one_is_called_so(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        course = make_course(disk.folder)
        nearly = "the disk of the course's folder is nearly full"
        assert any(one.startswith(nearly) for one in state_of(course).worries)
        disk.fill()
        full = f"the disk of the course's folder is full ({course.folder})"
        assert any(one.startswith(full) for one in state_of(course).worries)
        lines = [one for one in state_of(course).lines if one.startswith("disk of")]
        assert len(lines) == len({one.rpartition(":")[0] for one in lines}) >= 2
        course.database.close()
