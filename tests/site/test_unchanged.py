"""introml.site.unchanged: files are touched only where their content has changed."""

from introml.site.unchanged import mirror, write_if_changed


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def held(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_file_of_the_same_content_keeps_its_time(tmp_path):
    path = tmp_path / "new" / "a"
    assert write_if_changed(path, b"one")
    before = path.stat().st_mtime_ns
    assert not write_if_changed(path, b"one")
    assert path.stat().st_mtime_ns == before
    assert write_if_changed(path, b"two")
    assert path.read_bytes() == b"two"


def test_a_mirror_holds_the_same_files_and_no_others(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    put(source / "a.html", "new")
    put(source / "deep" / "b.html", "b")
    put(target / "a.html", "old")
    put(target / "gone" / "far" / "c.html", "c")
    assert mirror(source, target) == ["a.html", "deep/b.html"]
    assert held(target) == held(source) == {"a.html": "new", "deep/b.html": "b"}
    assert not (target / "gone").exists()


def test_a_mirror_writes_only_what_was_written_since(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    put(source / "a", "a")
    put(source / "b", "b")
    mirror(source, target)
    assert mirror(source, target) == []
    put(source / "b", "B")
    assert mirror(source, target) == ["b"]
    assert held(target) == {"a": "a", "b": "B"}


def test_a_folder_can_take_the_place_of_a_file_and_a_file_that_of_a_folder(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    put(source / "a" / "b", "deep")
    put(source / "c", "flat")
    put(target / "a", "flat")
    put(target / "c" / "d", "deep")
    mirror(source, target)
    assert held(target) == {"a/b": "deep", "c": "flat"}
