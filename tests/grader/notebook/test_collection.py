"""`notebook.collection`: the files of a class, as platforms and people collect them.

Every file that was handed out is a submission with its student, or is told of with a reason.
"""

import contextlib
import io
import json
import os
import random
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.grader.notebook import archives, collection
from introml.grader.notebook.archives import ArchiveError, Source, readable
from introml.grader.notebook.collection import NothingThere, collect
from introml.grader.notebook.filing import file_away
from introml.grader.notebook.whose import submitters, whose

BOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
PHOTO = b"\xff\xd8\xff\xe0" + bytes(100)
PDF = b"%PDF-1.7\n"


def packed(files, **options):
    """An archive of these files: name -> bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def laid(folder, files):
    """The same files in a folder; a name that ends in a slash is an empty folder."""
    for name, data in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def found(collected):
    """{name of the results: (student, file)}, and {file left out: why}."""
    rows = {
        one.folder: (one.handed.student, one.handed.file) for one in file_away(collected.handed)
    }
    return rows, {one.file: one.why for one in collected.left_out}


MOODLE = {
    "Ada Lovelace_101_assignsubmission_file_/hw.ipynb": BOOK,
    "Ada Lovelace_202_assignsubmission_file_/homework final.IPYNB": BOOK,
    "Bob Baker_303_assignsubmission_file_/IMG_2.jpg": PHOTO,
    "Bob Baker_303_assignsubmission_onlinetext_/onlinetext.html": b"<html>sorry</html>",
    "张伟_404_assignsubmission_file_/hw.ipynb.txt": BOOK,
    "Cy O'Neill-Å_505_assignsubmission_file_/deep/er/a.ipynb": BOOK,
    "Cy O'Neill-Å_505_assignsubmission_file_/deep/er/data.csv": b"1,2",
}
MOODLE_FLAT = {
    "Ada Lovelace_101_assignsubmission_file_hw.ipynb": BOOK,
    "Bob_Underscore_303_assignsubmission_file_My hw.ipynb.json": BOOK,
    "Participant_77_assignsubmission_file_x.pdf": PDF,
}
CANVAS = {
    "lovelaceada_101_9001_hw-1.ipynb": BOOK,
    "bakerbob_LATE_102_9002_hw.ipynb": BOOK,
    "bakerbob_LATE_102_9003_picture.png": b"\x89PNG\r\n",
    "müllereva_103_9004_hw.ipynb.txt": BOOK,
    "zhangwei_104_9005_all.zip": packed({"__MACOSX/._hw.ipynb": b"x", "hw/hw.ipynb": BOOK}),
    "noone_105_9006_essay.docx": b"PK\x03\x04word",
}
GRADESCOPE = {
    "assignment_7_export/submission_metadata.yml": (
        "submission_11:\n  :submitters:\n  - :name: Ada Lovelace\n    :sid: '1'\n"
        "    :email: ada@example.edu\n  :created_at: 2026-11-01 12:00:00.000000000 Z\n"
        "  :results: !ruby/object:Thing\n    :a: [1, 2]\n"
        "submission_12:\n  :submitters:\n  - :name: 张伟\n  - :email: bob@example.edu\n"
    ).encode(),
    "assignment_7_export/submission_11/hw.ipynb": BOOK,
    "assignment_7_export/submission_11/notes.txt": b"hello",
    "assignment_7_export/submission_12/hw.ipynb": BOOK,
    "assignment_7_export/submission_13/other.ipynb": BOOK,
}
NBGRADER = {
    "submitted/ada/ps1/hw.ipynb": BOOK,
    "submitted/ada/ps1/timestamp.txt": b"2026-11-01 12:00:00 UTC",
    "submitted/bob/ps1/answers.ipynb": BOOK,
    "submitted/bob/ps1/.ipynb_checkpoints/answers-checkpoint.ipynb": BOOK,
    "submitted/cy/ps1/scan.pdf": PDF,
}
SHAPES = {
    "moodle": (MOODLE, {
        "Ada Lovelace_101": ("Ada Lovelace", "Ada Lovelace_101_assignsubmission_file_/hw.ipynb"),
        "Ada Lovelace_202": (
            "Ada Lovelace", "Ada Lovelace_202_assignsubmission_file_/homework final.IPYNB"),
        "Bob Baker_303": ("Bob Baker", "Bob Baker_303_assignsubmission_file_/IMG_2.jpg"),
        "张伟_404": ("张伟", "张伟_404_assignsubmission_file_/hw.ipynb.txt"),
        "Cy O'Neill-Å_505": (
            "Cy O'Neill-Å", "Cy O'Neill-Å_505_assignsubmission_file_/deep/er/a.ipynb"),
    }),
    "moodle, flat": (MOODLE_FLAT, {
        "Ada Lovelace_101": ("Ada Lovelace", "Ada Lovelace_101_assignsubmission_file_hw.ipynb"),
        "Bob_Underscore_303": (
            "Bob_Underscore", "Bob_Underscore_303_assignsubmission_file_My hw.ipynb.json"),
        "Participant_77": ("Participant", "Participant_77_assignsubmission_file_x.pdf"),
    }),
    "canvas": (CANVAS, {
        "lovelaceada_101": ("lovelaceada", "lovelaceada_101_9001_hw-1.ipynb"),
        "bakerbob_102": ("bakerbob", "bakerbob_LATE_102_9002_hw.ipynb"),
        "müllereva_103": ("müllereva", "müllereva_103_9004_hw.ipynb.txt"),
        "zhangwei_104": ("zhangwei", "zhangwei_104_9005_all.zip/hw/hw.ipynb"),
        "noone_105": ("noone", "noone_105_9006_essay.docx"),
    }),
    "gradescope": (GRADESCOPE, {
        "Ada Lovelace_11": ("Ada Lovelace", "submission_11/hw.ipynb"),
        "张伟, bob@example.edu_12": ("张伟, bob@example.edu", "submission_12/hw.ipynb"),
        "submission_13": ("submission_13", "submission_13/other.ipynb"),
    }),
    "nbgrader": (NBGRADER, {
        "ada": ("ada", "ada/ps1/hw.ipynb"),
        "bob": ("bob", "bob/ps1/answers.ipynb"),
        "cy": ("cy", "cy/ps1/scan.pdf"),
    }),
}  # fmt: skip


@pytest.mark.parametrize("form", ["folder", "archive", "archive in a folder"])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_platforms_give_has_a_row_for_each_student(tmp_path, shape, form):
    files, rows = SHAPES[shape]
    if form == "folder":
        given_ = laid(tmp_path / "all", files)
    else:
        given_ = tmp_path / "all.zip"
        if form == "archive in a folder":
            given_ = tmp_path / "all" / "all.zip"
            given_.parent.mkdir()
        given_.write_bytes(packed(files))
        given_ = given_ if form == "archive" else given_.parent
    got, left_out = found(collect([given_]))
    assert {name: student for name, (student, _) in got.items()} == {
        name: student for name, (student, _) in rows.items()
    }
    for name, (_, file) in rows.items():
        assert got[name][1].endswith(file), name
    inside = sum(name.endswith("all.zip") for name in files)  # of it one file has a row
    assert len(got) + len(left_out) == len(files) + inside, "every file has a row or a reason"
    assert all(left_out.values())


def test_what_is_beside_a_notebook_says_beside_whose(tmp_path):
    _, left_out = found(collect([laid(tmp_path, CANVAS)]))
    assert left_out["bakerbob_LATE_102_9003_picture.png"] == (
        "It is beside what bakerbob_102 has a row for. This is a picture. Hand in the notebook "
        "itself, a file that ends in .ipynb."
    )
    assert left_out["zhangwei_104_9005_all.zip/__MACOSX/._hw.ipynb"] == collection.OF_THE_SYSTEM


def test_canvas_says_what_was_late(tmp_path):
    late = {one.student: one.late for one in collect([laid(tmp_path, CANVAS)]).handed}
    assert [name for name, is_late in late.items() if is_late] == ["bakerbob"]


def test_several_notebooks_of_a_student_have_a_row_each(tmp_path):
    here = "Ada_1_assignsubmission_file_"
    files = {f"{here}/a.ipynb": BOOK, f"{here}/b.ipynb": BOOK, f"{here}/deep/a.ipynb": BOOK}
    rows, _ = found(collect([laid(tmp_path, files)]))
    assert set(rows) == {"Ada_1-a", "Ada_1-b", "Ada_1-deep-a"} or len(rows) == 3
    assert {student for student, _ in rows.values()} == {"Ada"}


def test_a_folder_of_anyones_keeps_the_students_name(tmp_path):
    files = {
        "ada/hw.ipynb": BOOK, "bob/my answers.ipynb": BOOK, "cy/x/hw.ipynb": BOOK,
        "dee.zip": packed({"hw.ipynb": BOOK}), "data/train.csv": b"1", "eve/": b"",
    }  # fmt: skip
    rows, left_out = found(collect([laid(tmp_path, files)]))
    assert {student for student, _ in rows.values()} == {"ada", "bob", "cy", "dee"}
    assert left_out == {
        "data/train.csv": "It is no notebook, by its name or its content.",
        "eve": "This folder is empty.",
    }
    (tmp_path / "flat").mkdir()
    flat = laid(tmp_path / "flat", {"ada.ipynb": BOOK, "bob.ipynb": BOOK})
    rows, _ = found(collect([flat]))
    assert rows == {"ada": ("ada", "ada.ipynb"), "bob": ("bob", "bob.ipynb")}


@pytest.mark.parametrize(
    "name",
    ["a.ipynb", "a.IPYNB", "a.ipynb.txt", "a.ipynb.json", "a.ipynb (1)", "a.ipynb.download",
     "a.json", "a.txt", "a"],
)  # fmt: skip
def test_a_notebook_is_one_by_its_name_or_its_content(tmp_path, name):
    rows, left_out = found(collect([laid(tmp_path, {name: BOOK})]))
    assert (rows, left_out) == ({"a": ("a", name)}, {})


def test_what_is_named_is_graded_whatever_it_is(tmp_path):
    laid(tmp_path, {"a.pdf": PDF, "b.ipynb": PHOTO})
    rows, _ = found(collect([tmp_path / "a.pdf", tmp_path / "b.ipynb", tmp_path / "b.ipynb"]))
    assert set(rows) == {"a", "b"}
    with pytest.raises(NothingThere, match="no such notebook"):
        collect([tmp_path / "c.ipynb"])


def test_a_folder_without_notebooks_says_what_is_in_it(tmp_path):
    with pytest.raises(NothingThere, match=r"no \.ipynb file"):
        collect([tmp_path])
    with pytest.raises(NothingThere, match=r"a\.pdf: This is a PDF"):
        collect([laid(tmp_path, {"a.pdf": PDF})])


def test_links_are_never_followed(tmp_path):
    laid(tmp_path, {"in/a.ipynb": BOOK, "secret/b.ipynb": BOOK})
    (tmp_path / "in" / "away").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "l.ipynb").symlink_to(tmp_path / "secret" / "b.ipynb")
    (tmp_path / "in" / "l.zip").symlink_to(tmp_path / "secret" / "b.ipynb")
    collected = collect([tmp_path / "in"])
    contents = {one.stem: one.read() for one in collected.handed}
    assert contents["a"].data == BOOK
    assert "symbolic link" in contents["l"].refused
    assert {one.file: "symbolic link" in one.why for one in collected.left_out} == {
        "away": True, "l.zip": True,
    }  # fmt: skip


def test_an_archive_leads_nowhere(tmp_path):
    """Names in archives are names: `..`, absolute ones, drives and links open nothing."""
    (tmp_path / "secret.ipynb").write_bytes(BOOK)
    link = zipfile.ZipInfo("link.ipynb")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("../secret.ipynb", str(tmp_path / "secret.ipynb"), "C:\\x\\w.ipynb"):
            archive.writestr(name, b"of the archive")
        archive.writestr(link, str(tmp_path / "secret.ipynb"))
    (tmp_path / "in.zip").write_bytes(out.getvalue())
    handed = collect([tmp_path / "in.zip"]).handed
    contents = [one.read() for one in handed]
    assert sorted(one.data for one in contents) == [b""] + [b"of the archive"] * 3
    assert sum("symbolic link" in one.refused for one in contents) == 1
    assert all(".." not in one.file for one in handed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.zip", "secret.ipynb"]


def bomb():
    return packed({"a.ipynb": bytes(60_000_000)})


def encrypted():
    data = bytearray(packed({"a.ipynb": BOOK}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


def nested(times):
    data = packed({"a.ipynb": BOOK})
    for _ in range(times):
        data = packed({"in.zip": data})
    return data


def lists_much():
    data = bytearray(packed({"a.ipynb": BOOK}) + bytes(10_000_000))
    end = data.index(b"PK\x05\x06")
    record = data[end : end + 22]
    struct.pack_into("<I", record, 12, 9_000_000)
    return bytes(data[:end] + bytes(10_000_000) + record)


def damaged():
    data = bytearray(packed({"a.ipynb": os.urandom(3000)}))
    data[200:260] = bytes(60)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encrypted(), "locked with a password"),
        (nested(4), "within archives"),
        (lists_much(), "too many files"),
        (damaged(), "damaged in its archive"),
        (b"PK\x03\x04 and no more", "damaged archive"),
        (b"", "damaged archive"),
        (packed({}), "empty"),
    ],
    ids=["password", "nested", "list", "damaged", "cut", "nothing", "empty"],
)
def test_an_archive_that_cannot_be_read_is_one_row_with_its_reason(tmp_path, data, words):
    here = "Ada_1_assignsubmission_file_/a.zip"
    collected = collect(
        [laid(tmp_path, {here: data, "Bob_2_assignsubmission_file_/b.ipynb": BOOK})]
    )
    rows = {one.student: one.read() for one in collected.handed}
    assert words in rows["Ada"].refused
    assert rows["Bob"].data == BOOK


def test_a_file_that_unpacks_to_much_is_cut_as_any_large_file_is(tmp_path):
    (tmp_path / "a.zip").write_bytes(bomb())
    (one,) = collect([tmp_path / "a.zip"]).handed
    assert len(one.read().data) == 40_000_001


def test_a_student_cannot_fill_the_class_with_rows(tmp_path):
    many = packed({f"{n}.ipynb": BOOK for n in range(600)})
    collected = collect([laid(tmp_path, {"Ada_1_assignsubmission_file_/a.zip": many})])
    assert len(collected.handed) == 20
    assert any("more than 500 files" in one.why for one in collected.left_out)
    assert sum("20 notebooks before it" in one.why for one in collected.left_out) == 480


def test_archives_in_a_students_archive_use_up_nobody_elses_files(tmp_path, monkeypatch):
    monkeypatch.setattr(collection, "_MOST_FILES", 200)
    monkeypatch.setattr(collection, "_MOST_PACKED", 20)
    monkeypatch.setattr(collection, "_MOST_NESTED", 60)
    inner = packed({f"{n}.txt": b"" for n in range(20)})
    nested = packed({f"{n}.zip": inner for n in range(20)})
    laid(tmp_path, {"ada.zip": nested, "bob.ipynb": BOOK, "cy.zip": packed({"hw.ipynb": BOOK})})
    for named in ([tmp_path], sorted(tmp_path.iterdir())):
        collected = collect(named)
        assert len(collected.handed) == 2
        assert any("the rest is not looked at" in one.why for one in collected.left_out)


@pytest.mark.parametrize("system", [0, 3])
def test_a_backslash_makes_no_file_another_students(tmp_path, system):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("adalo_101_9001_a\\bob_102_9002_hw.ipynb", "x\\cy_1_assignsubmission_file_"):
            info = zipfile.ZipInfo(name)
            info.create_system = system
            archive.writestr(info, BOOK)
    (tmp_path / "a.zip").write_bytes(out.getvalue())
    labels = [one.label for one in collect([tmp_path / "a.zip"]).handed]
    unix = ["adalo_101", "x\\cy_1"]
    assert labels == (unix if system == 3 else ["bob_102", "cy_1"])


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_files_of_one_name_in_an_archive_the_last_counts(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.ipynb", b"first")
        archive.writestr("a.ipynb", b"last")
    (tmp_path / "a.zip").write_bytes(out.getvalue())
    collected = collect([tmp_path / "a.zip"])
    assert [one.read().data for one in collected.handed] == [b"last"]
    assert ["the same name after it" in one.why for one in collected.left_out] == [True]


@pytest.mark.parametrize(
    ("raw", "in_archive", "name"),
    [
        ("Müller.ipynb".encode(), True, "Müller.ipynb"),
        ("Müller.ipynb".encode("cp850"), True, "Müller.ipynb"),
        ("Müller Äñß.ipynb".encode("cp850"), True, "Müller Äñß.ipynb"),
        ("Müller.ipynb".encode("cp1252"), False, "Müller.ipynb"),
        ("José Ñu.ipynb".encode("cp1252"), False, "José Ñu.ipynb"),
        ("王小明.ipynb".encode("gb18030"), True, "王小明.ipynb"),
        (b"plain.ipynb", True, "plain.ipynb"),
    ],
)
def test_names_are_read_as_the_system_wrote_them_that_packed_them(tmp_path, raw, in_archive, name):
    assert readable(raw, packed=in_archive) == name
    if in_archive and not raw.isascii():
        stand_in = "x" * len(raw)
        data = packed({stand_in: BOOK}).replace(stand_in.encode(), raw)
        (tmp_path / "a.zip").write_bytes(data)
        (one,) = collect([tmp_path / "a.zip"]).handed
        assert (one.stem, one.read().data) == (name.removesuffix(".ipynb"), BOOK)


def test_a_name_in_windows_encoding_on_the_disk_is_read_and_the_file_found(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), "Müller_7_assignsubmission_file_".encode("cp1252"))
    os.mkdir(path)
    Path(os.fsdecode(path), "hw.ipynb").write_bytes(BOOK)
    (one,) = collect([tmp_path]).handed
    assert (one.student, one.label, one.read().data) == ("Müller", "Müller_7", BOOK)


@pytest.mark.parametrize(
    "path",
    ["hw_final.ipynb", "ada_hw_2.ipynb", "submission_11", "submitted/ada.ipynb", "week_1/a.ipynb",
     "hw_2024_1_x.ipynb", "2024_01_02_03_hw.ipynb"],
)  # fmt: skip
def test_what_only_resembles_a_platform_is_none(path):
    assert whose(path.split("/"), {}) is None


def test_a_folder_called_submitted_above_one_class_names_no_student(tmp_path):
    files = {"submitted/fall/lab/ada.ipynb": BOOK, "submitted/fall/lab/bob.ipynb": BOOK}
    rows, _ = found(collect([laid(tmp_path, files)]))
    assert {student for student, _ in rows.values()} == {"ada", "bob"}


@pytest.mark.parametrize("above", ["submitted/hw1", "submitted/fall/hw1"])
def test_below_a_folder_called_submitted_a_platform_says_whose(tmp_path, above):
    names = {"Ada_1": "hw.ipynb", "Bob_2": "hw.ipynb", "Cy_3": "hw.pdf", "Dee_4": "hw.pdf"}
    files = {
        f"{above}/{student}_assignsubmission_file_/{name}": BOOK if "ipynb" in name else PDF
        for student, name in names.items()
    }
    rows, left_out = found(collect([laid(tmp_path, files) / above]))
    assert (set(rows), left_out) == (set(names), {})


@pytest.mark.parametrize(
    "text",
    ["", "[1", "a: &a [*a]", "submission_1: 3", "submission_1:\n  :submitters: {}\n",
     "submission_1:\n  :submitters:\n  - :name: [1, 2]\n", "!!python/object/apply:os.abort []"],
)  # fmt: skip
def test_a_list_that_is_none_names_nobody(text):
    assert submitters(text.encode()) == {}


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_no_damage_to_an_archive_is_more_than_a_reason(tmp_path_factory, draw, count):
    data = bytearray(packed({"a.ipynb": BOOK, "b/c.zip": packed({"d.ipynb": BOOK})}))
    for _ in range(count):
        data[draw.randrange(len(data))] = draw.randrange(256)
    path = tmp_path_factory.mktemp("z") / "a.zip"
    path.write_bytes(data)
    with contextlib.suppress(NothingThere):
        found = collect([path])
        assert found.handed or found.left_out
        for one in found.handed:
            one.read()


def test_the_order_of_what_is_named_makes_no_difference(tmp_path):
    laid(tmp_path, MOODLE | CANVAS | NBGRADER)
    paths = sorted(tmp_path.iterdir())
    expected = found(collect(paths))
    for seed in range(3):
        random.Random(seed).shuffle(paths)
        assert found(collect(paths)) == expected


def test_a_member_that_is_gone_says_so(tmp_path):
    (tmp_path / "a.zip").write_bytes(packed({"a.ipynb": BOOK}))
    with pytest.raises(ArchiveError, match="no longer"):
        archives.read(Source(tmp_path / "a.zip", ("b.ipynb",)), 10)
