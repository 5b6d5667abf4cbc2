"""Rosters as platforms and spreadsheets write them: read, or refused with all reasons."""

import pytest

from introml.hub.people import roster_file
from introml.hub.people.names import RosterError

ADA = "name,full_name\nada,Ada Lovelace\n"


def people_of(data):
    """Each person's user name or e-mail, full name, role, and the platform's ID and login."""
    file = roster_file.read(data)
    assert file.problems == ()
    return [
        (one.name or one.email, one.full_name, one.role, one.lms_id, one.lms_login)
        for one in file.entries
    ]


CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Integration ID,Section,Lab 1 (123),Current Score
,,,,,,Manual Posting,
    Points Possible,,,,,,10.0,(read only)
"Hopper, Grace",4567,S001,ghopper,,Sec 01,8.0,80
"Ünal, Zoë",4568,S002,zoe@example.edu,,"Sec 01, and Sec 02",,
"Student, Test",4569,,0f3abc,,Sec 01,,
"""


def test_a_gradebook_of_canvas_is_read_without_its_points_and_its_test_student():
    assert people_of(CANVAS) == [
        ("", "Grace Hopper", "student", "4567", "ghopper"),
        ("", "Zoë Ünal", "student", "4568", "zoe@example.edu"),
    ]
    notes = roster_file.read(CANVAS).notes
    assert [note.partition(" is ")[0] for note in notes] == ["Line 2", "Line 3", "Line 6"]


def test_canvas_may_write_first_and_last_names_apart():
    """As lib/gradebook_exporter.rb of canvas-lms does with `show_student_first_last_name`."""
    text = (
        "LastName,FirstName,ID,SIS Login ID,Section,Lab\n    Points Possible,,,,,10\n"
        "Hopper,Grace,4567,ghopper,1,8\nStudent,Test,4569,0f3abc,1,\n"
    )
    assert people_of(text) == [("", "Grace Hopper", "student", "4567", "ghopper")]


@pytest.mark.parametrize(
    ("last", "first", "full"),
    [
        ("王", "小明", "王小明"),
        ("김", "철수", "김철수"),
        ("Wang", "小明", "小明 Wang"),
        ("王", "", "王"),
    ],
)
def test_a_name_in_chinese_characters_or_in_hangul_is_put_together_as_it_is_written(
    last, first, full
):
    canvas = f'Student,ID,SIS Login ID\n"{last}, {first}",1,x\n'
    apart = f"First name,Last name,Email address\n{first},{last},x@x.cn\n"
    assert [people_of(text)[0][1] for text in (canvas, apart)] == [full, full]


def test_an_address_beside_canvas_login_is_the_persons():
    text = (
        'Student,ID,SIS Login ID,Email,Section\n    Points Possible,,,,\n"B, A",1,ab,ab@x.edu,1\n'
    )
    (one,) = roster_file.read(text).entries
    assert (one.email_address, one.logins) == ("ab@x.edu", ("ab",))
    (one,) = roster_file.read('Student,SIS Login ID\n"B, A",ab@x.edu\n').entries
    assert one.email_address == "ab@x.edu"


@pytest.mark.parametrize(
    "head",
    [
        "First name,Last name,Email address,Groups",
        "First name,Surname,Email address,Groups",
        "Vorname;Nachname;E-Mail-Adresse;Gruppen",
        "Prénom;Nom de famille;Adresse de courriel;Groupes",
        "Nombre;Apellido(s);Dirección de correo;Grupos",
        "Nome;Cognome;Indirizzo email;Gruppi",
        "Voornaam;Achternaam;E-mailadres;Groepen",
        "名;姓氏;电子邮件地址;小组",
        "Vorname;Name;E-Mail;Gruppe",
    ],
)
def test_participants_of_moodle_are_read_in_its_languages(head):
    text = f"{head}\nZoë;Ünal;zoe@example.edu;G1\n"
    if "," in head:
        text = text.replace(";", ",")
    assert people_of(text) == [("zoe@example.edu", "Zoë Ünal", "student", "", "")]


def test_grades_of_moodle_are_read():
    text = (
        "First name,Last name,ID number,Institution,Department,Email address,Lab 1 (Real),"
        "Last downloaded from this course\nGrace,Hopper,00123,,,grace@x.edu,8.00,1700000000\n"
    )
    assert people_of(text) == [("grace@x.edu", "Grace Hopper", "student", "00123", "")]


def test_a_roster_of_gradescope_is_read_with_its_roles():
    text = (
        "First Name,Last Name,SID,Email,Role,Section\nA,One,3031,a@x.edu,Student,LAB 1\n"
        "B,Two,,b@x.edu,Instructor,\nC,Three,,c@x.edu,TA,\nD,Four,,d@x.edu,Reader,\n"
    )
    assert [(one[0], one[2], one[3]) for one in people_of(text)] == [
        ("a@x.edu", "student", "3031"), ("b@x.edu", "teacher", ""), ("c@x.edu", "teacher", ""),
        ("d@x.edu", "teacher", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("sid", ["SID,", ""])
def test_gradescopes_name_is_a_full_name(sid):
    text = f"Name,{sid}Email,Role\nGrace Hopper,{'7,' if sid else ''}g@x.edu,Student\n"
    assert people_of(text) == [("g@x.edu", "Grace Hopper", "student", "7" if sid else "", "")]


def test_a_name_of_one_word_beside_an_address_is_a_user_name():
    assert people_of("name,email\nada,a@x.edu\nbob,b@x.edu\n")[0][0] == "ada"


def test_a_person_who_is_in_a_file_once_a_lab_is_one_person():
    text = "Assignment,Name,SID,Email,Total Score\nLab 1,A B,1,a@x.edu,3\nLab 2,A B,1,a@x.edu,4\n"
    assert len(set(roster_file.read(text).entries)) == 1


@pytest.mark.parametrize(
    "data",
    [
        ADA.encode("utf-8"),
        ADA.encode("utf-8-sig"),
        ADA.encode("utf-16"),
        ADA.encode("utf-16-le"),
        ADA.encode("utf-16-be"),
        ADA.replace(",", ";").encode(),
        ADA.replace(",", "\t").encode(),
        ADA.replace(",", "\t").encode("utf-16"),
        ADA.replace("\n", "\r\n").encode(),
        ADA.replace("\n", "\r").encode(),
        ADA.rstrip("\n").encode(),
        b"sep=;\n" + ADA.replace(",", ";").encode(),
        b"\xef\xbb\xbfsep=;\r\n" + ADA.replace(",", ";").replace("\n", "\r\n").encode(),
        b"name,full_name,,\r\nada,Ada Lovelace,,\r\n,,,\r\n",
        b"\n\nname, full_name\n ada, Ada Lovelace\n",
        b'"name","full_name"\n"ada","Ada\nLovelace"\n',
        "name,full_name\nada\xa0,Ada\u200b \u202eLovelace\n".encode(),
        b"NAME,Full Name\nada,Ada Lovelace\n",
        b"name;full_name;note\nada;Ada Lovelace;a,b,c\n",
    ],
)
def test_one_roster_is_the_same_however_it_is_written(data):
    assert people_of(data) == [("ada", "Ada Lovelace", "student", "", "")]


def test_windows_1252_is_read_and_told():
    data = "name,full_name\nzoe,Zoë Ünal\nsean,Seán O’Néill\n".encode("cp1252")
    assert [one[1] for one in people_of(data)] == ["Zoë Ünal", "Seán O’Néill"]
    assert "Windows-1252" in roster_file.read(data).notes[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ольга Петрова", "cp1251"),
        ("张伟", "gbk"),
        ("山田 太郎", "shift_jis"),
        ("Zoë Ünal", "mac_roman"),
    ],
)
def test_what_would_be_read_as_other_letters_is_refused(text, encoding):
    with pytest.raises(RosterError, match="save it as “CSV UTF-8"):
        roster_file.read(f"name,full_name\nx,{text}\n".encode(encoding))


def test_names_of_every_script_are_kept_as_they_are_written():
    names = [
        "李小龍",
        "Zoe\u0308 Ünal",
        "علی\u200cرضا",
        "नरेन्द्र",
        "O'Brien",
        "'t Hooft",
        "Nguyễn Văn An",
    ]
    text = "email,full_name\n" + "".join(f"x{n}@a.edu,{x}\n" for n, x in enumerate(names))
    assert [one[1] for one in people_of(text)] == [x.replace("e\u0308", "ë") for x in names]


@pytest.mark.parametrize(
    ("told", "role"),
    [
        ("", "student"), ("Student", "student"), ("STUDENT", "student"), ("TA", "teacher"),
        ("Teacher, Student", "teacher"), ("Non-editing teacher", "teacher"),
    ],
)  # fmt: skip
def test_roles_are_a_students_or_a_teachers(told, role):
    assert people_of(f'name,role\nada,"{told}"\n')[0][2] == role


def test_who_neither_learns_nor_teaches_is_left_out_and_told():
    file = roster_file.read("name,role\nada,\nmum,Observer\n")
    assert [one.name for one in file.entries] == ["ada"]
    assert file.notes == (
        "Line 3 is left out: the role is 'Observer', who neither learns nor teaches.",
    )


def test_every_line_that_cannot_be_used_is_named():
    file = roster_file.read(
        "name,full_name,email,role\nada,Lovelace, Ada,a@x.edu,TA\nbob,,b@x.edu,king\ncy,,,\n"
        + "x" * 101
        + ",,,\n"
    )
    assert [one.partition(": ")[0] for one in file.problems] == ["line 2", "line 3", "line 5"]
    assert "needs quotation marks" in file.problems[0]
    assert "the role is 'king'" in file.problems[1]
    assert [one.name for one in file.entries] == ["cy"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "names nobody"),
        (b"name\n", "names nobody"),
        (b"name\n,\n", "names nobody"),
        (b"first,last\nA,B\n", "must name the columns.*first, last"),
        (b"full_name\nAda\n", "must name the columns"),
        (b"PK\x03\x04" + bytes(100), "Excel workbook.*whatever its name; open it in a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xef\xbb\xbf<!DOCTYPE html><title>Sign in</title>", "sign in to the platform again"),
        (b"name\na\0b\n", "no CSV file"),
        (b"name\n" + b"x" * 1_000_001, "at most"),
        (b"name\n" + b"x\n" * 10_001, "at most 10000"),
        (b'name,full_name\nada,Ada\nbob,"Bob\ncy,Cy\n', "line 3: a quotation mark"),
        (b'name,full_name\nada,"Ada" L\n', "line 2: a quotation mark"),
    ],
)
def test_what_is_no_roster_is_refused_with_what_to_do(data, words):
    with pytest.raises(RosterError, match=words):
        roster_file.read(data)
