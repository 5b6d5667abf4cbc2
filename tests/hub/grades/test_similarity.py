"""The similarity report: copies are found, honest work ranks below, and nothing breaks it."""

import json
import random
import re

import pytest
from cpu_work import units_of_work

from introml.grader.authoring.release import solution_notebook, starter_notebook
from introml.grader.lab.lab import load_lab
from introml.hub.grades import similarity
from introml.hub.grades.similarity import LONGEST, Prints, compare, marked, prints_of, text_of
from introml.hub.grades.submissions import hand_in
from introml.hub.web.similarity_report import all_handed_in, percent, report_html, report_of

LABS = ("attention", "gradient-descent")


def notebook(lab, **answers) -> bytes:
    return solution_notebook(lab, answers)


def renamed(source: str, seed: int = 1) -> str:
    """The source with its own variables renamed, other comments, other docstrings."""
    import ast

    names = {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    names |= {node.arg for node in ast.walk(ast.parse(source)) if isinstance(node, ast.arg)}
    names -= {"self"}
    order = sorted(names)
    random.Random(seed).shuffle(order)
    for number, name in enumerate(order):
        source = re.sub(rf"(?<![\w.]){name}(?!\w)", f"v{number}", source)
    source = re.sub(r"#[^\n]*", "# mine", source)
    return re.sub(r'"""(?:.|\n)*?"""', '"""My own words."""', source)


def reordered(source: str) -> str:
    """The cell's functions in the other order."""
    parts = re.split(r"\n(?=def |class )", source)
    return "\n".join([parts[0], *reversed(parts[1:])])


@pytest.fixture(scope="module", params=LABS)
def lab(request):
    return load_lab(request.param)


def in_another_style(lab) -> dict[str, str]:
    """Right answers that the lab's author wrote in quite another way: grade_id -> source."""
    return {one.name: one for one in lab.right_solutions()}["in-another-style"].cells


def reported(lab, notebooks: dict[str, bytes]):
    """The report on one attempt of each; of several where there is a list of them."""
    all_of = {name: x if isinstance(x, list) else [x] for name, x in notebooks.items()}
    return compare(
        lab,
        {
            name: {number: prints_of(data, lab) for number, data in enumerate(given, start=1)}
            for name, given in all_of.items()
        },
    )


def share(report, one, other) -> float:
    found = [x.share for x in report.pairs if {x.one, x.other} == {one, other}]
    return found[0] if found else 0.0


def test_a_copy_is_found_whatever_was_renamed_and_reordered(lab):
    original = {name: cell.solution for name, cell in lab.answers.items()}
    copy = {name: reordered(renamed(source)) for name, source in original.items()}
    assert copy != original
    report = reported(lab, {"ann": notebook(lab), "bob": notebook(lab, **copy)})
    assert share(report, "ann", "bob") > 0.8


def test_independent_answers_rank_below_a_copy(lab):
    """An answer in another style, written for the labs' own tests, and a renamed copy of it."""
    other = in_another_style(lab)
    copied = {name: renamed(source, 2) for name, source in other.items()}
    report = reported(
        lab,
        {
            "ann": notebook(lab),
            "bob": notebook(lab, **other),
            "cas": notebook(lab, **copied),
        },
    )
    independent = max(share(report, "ann", "bob"), share(report, "ann", "cas"))
    assert share(report, "bob", "cas") > 0.8
    assert independent < 0.5
    assert (report.pairs[0].one, report.pairs[0].other) == ("bob", "cas")


def test_what_was_given_to_all_is_not_counted(lab):
    report = reported(lab, {"ann": starter_notebook(lab), "bob": starter_notebook(lab)})
    assert report.pairs == ()
    assert report.few == ("ann", "bob")


def test_what_many_have_is_not_counted(lab):
    class_of = {f"s{n:02}": notebook(lab) for n in range(similarity.COMMON_COUNT + 1)}
    report = reported(lab, class_of)
    assert report.pairs == ()
    del class_of["s00"]
    assert reported(lab, class_of).pairs[0].share == 1.0


def test_the_solution_is_named_as_what_both_resemble(lab):
    report = reported(lab, {"ann": notebook(lab), "bob": notebook(lab)})
    assert report.pairs[0].in_solution > 0.95


def test_the_marked_lines_are_those_that_both_have():
    lab = load_lab("gradient-descent")
    name = next(iter(lab.answers))
    copied = "\ndef helper(data):\n    " + "\n    ".join(
        f"data = data.roll({n}).flip({n}) @ data.sin().{word}()"
        for n, word in enumerate(("cos", "exp", "tan", "log"))
    )
    own = [f"\nmine_{n} = [{n}, {{{n}: ({n},)}}, not {n} < {n} <= {n} // {n}]" for n in range(3)]
    texts = [
        text_of(notebook(lab, **{name: lab.answers[name].starter + own[0] + copied}), lab),
        text_of(notebook(lab, **{name: lab.answers[name].starter + copied}), lab),
    ]
    solution = similarity.solution_passages(lab) | similarity.given_passages(lab)
    for text, found in zip(texts, marked(*texts, solution), strict=True):
        lines = {text.lines[number].strip() for number in found}
        assert any("roll(1)" in line for line in lines)
        assert not any(line.startswith("mine_") for line in lines)


@pytest.mark.parametrize(
    "source",
    [
        "def f(:\n  (((", "\x0c\\", "'''never closed\n" * 50, '"' * 5000, "\\" * 5000, "(" * 5000,
        "é" * 500, "f'{f\"{1}\"}'" * 100, "0x1_0e+5j.5.5" * 100, "%magic\n!ls\n?x", "\t \t\n" * 500,
        "lambda " * 5000, "x=" * 5000, "'a' \"b\" r'''c''' Rb\"d\"" * 100, "\u2028\u2029\x85",
    ],
)  # fmt: skip
def test_a_hostile_notebook_breaks_nothing(source):
    lab = load_lab("gradient-descent")
    name = next(iter(lab.answers))
    data = notebook(lab, **{name: source})
    report = reported(lab, {"ann": data, "bob": data, "cas": notebook(lab)})
    assert report.compared in (0, 1, 3)


@pytest.mark.parametrize(
    "data", [b"", b"%PDF", b"[]", b"[" * 100_000, b'{"cells": 1}', b"\xff" * 99]
)
def test_what_is_no_notebook_is_named_and_left_out(data):
    lab = load_lab("gradient-descent")
    report = reported(lab, {"ann": data, "bob": notebook(lab)})
    assert report.unread == ("ann",)


@pytest.mark.parametrize(
    "piece", ["a = b + c * d\n", "'", '"""', "x", "(", "\\", "a.b.c.", "'''\\", "1" * 7, "\n"]
)
def test_a_huge_answer_is_cut_and_read_in_one_pass(piece):
    lab = load_lab("gradient-descent")
    name = next(iter(lab.answers))
    most = similarity.MOST_CODE - 20_000
    data, texts = notebook(lab, **{name: piece * (most // len(piece))}), []
    assert units_of_work(lambda: texts.append(text_of(data, lab))) < 500
    (text,) = texts
    assert text.cut
    assert sum(map(len, text.lines)) < LONGEST + 1000
    text = text_of(notebook(lab, **{name: piece * (2 * most // len(piece))}), lab)
    assert text.problem == "It has more than 80000 characters of code."


@pytest.mark.parametrize("lab_name", LABS)
def test_a_wrong_answer_resembles_an_independent_one_less_than_a_renamed_copy(lab_name):
    """The wrong answers are the lab's solution with a mistake; the other is in another style."""
    lab = load_lab(lab_name)
    independent = in_another_style(lab)
    given = similarity.given_passages(lab)
    for wrong in lab.wrong_solutions():
        starters = {
            name: cell.starter for name, cell in lab.answers.items() if name not in wrong.cells
        }
        copied = {name: renamed(source) for name, source in wrong.cells.items()}
        right = {name: independent[name] for name in wrong.cells}
        texts = [
            text_of(notebook(lab, **starters, **answers), lab)
            for answers in (wrong.cells, copied, right)
        ]
        mistaken, copy, other = (text.passages.keys() - given for text in texts)
        assert len(mistaken & copy) == len(mistaken)
        assert len(mistaken & other) < 0.4 * min(len(mistaken), len(other)) or not other


def test_names_and_literals_are_alike_and_what_libraries_name_is_not():
    def hashes(source):
        return [one for one, _, _ in similarity._passages(source, 0)]

    text = "total = torch.exp(x - 1.5).sum(dim='rows') # all\nself.out = total"
    assert hashes(text) == hashes('s = t.exp(y - 7).sum(dim="r")\n\nself.z = s')
    assert hashes(text) != hashes(text.replace("exp", "log"))
    assert hashes(text) != hashes(text.replace("-", "+"))


def test_each_window_keeps_one_and_winnowing_finds_what_is_long_enough():
    """The guarantee of the paper: what is alike over GRAM + WINDOW - 1 tokens is found."""
    rng = random.Random(3)
    words = sorted(similarity._KEPT)  # each of them stays a token of its own
    for _ in range(200):
        common = rng.choices(words, k=similarity.GRAM + similarity.WINDOW - 1)
        texts = []
        for _ in range(2):
            before, after = (rng.choices(words, k=rng.randrange(40)) for _ in "ab")
            found = list(similarity._passages(" ".join([*before, *common, *after]), 0))
            assert len(found) == max(0, len(before + common + after) - similarity.GRAM + 1)
            texts.append({one for one, _, _ in similarity._winnowed(found)})
        assert texts[0] & texts[1]


def test_what_is_usual_counts_pairs_that_share_nothing():
    found = [range(10), range(10), range(200, 210), range(300, 310)]
    prints = [{1: Prints(frozenset(one))} for one in found]
    report = compare(load_lab("gradient-descent"), dict(zip("abcd", prints, strict=True)))
    assert report.compared == 6
    assert report.usual == (0.0, 1.0, 1.0)
    assert (report.pairs[0].one, report.pairs[0].other, report.pairs[0].share) == ("a", "b", 1.0)


def with_output(data: bytes, text: str) -> bytes:
    """The same notebook, run anew: other outputs, the same answers."""
    book = json.loads(data)
    code = next(cell for cell in book["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    return json.dumps(book).encode()


def test_who_handed_in_the_same_file_stands_first_however_many_they_are(lab):
    """Also where so many have it that its passages count as common to the task."""
    own = notebook(lab, **in_another_style(lab))
    many = {f"s{n:02}": notebook(lab) for n in range(similarity.COMMON_COUNT + 1)}
    report = reported(lab, {"ann": own, "bob": own, **many})
    assert [one.file for one in report.same] == [True, True]
    assert [name for name, _ in report.same[0].who] == sorted(many)
    assert report.same[1].who == (("ann", 1), ("bob", 1))
    assert not any({x.one, x.other} <= set(many) for x in report.pairs)


def test_the_same_answers_in_files_that_differ_come_after(lab):
    mine = notebook(lab)
    theirs = with_output(notebook(lab), "run elsewhere")
    report = reported(lab, {"ann": mine, "bob": theirs})
    assert [(x.file, x.who) for x in report.same] == [(False, (("ann", 1), ("bob", 1)))]
    other = notebook(lab, **in_another_style(lab))
    report = reported(lab, {"ann": mine, "bob": theirs, "cas": other, "dan": other})
    assert [x.file for x in report.same] == [True, False]


def test_every_attempt_counts(lab):
    """Who wrote another's answer anew later has handed it in all the same."""
    other = notebook(lab, **in_another_style(lab))
    for bob in ([notebook(lab), other], [other, notebook(lab)], [other, b"", notebook(lab)]):
        report = reported(lab, {"ann": notebook(lab), "bob": bob})
        number = bob.index(notebook(lab)) + 1
        assert report.same[0].who == (("ann", 1), ("bob", number))
        (pair,) = report.pairs
        assert (pair.share, pair.attempts) == (1.0, (1, number))
        assert report.unread == ()


def test_a_notebook_without_an_answer_is_nobodys(lab):
    assert reported(lab, dict.fromkeys("abc", starter_notebook(lab))).same == ()
    same = reported(lab, dict.fromkeys("abc", with_output(starter_notebook(lab), "x"))).same
    assert same == ()


def test_the_same_file_that_is_no_notebook_is_told_too(lab):
    (one,) = reported(lab, {"ann": b"%PDF", "bob": b"%PDF", "cas": b"%PDF 2"}).same
    assert (one.file, one.who) == (True, (("ann", 1), ("bob", 1)))


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0%"), (0.001, "1%"), (0.999, "99%"), (1, "100%")]
)
def test_percents_don_t_round_to_all_or_nothing(value, words):
    assert percent(value) == words


# ---- in a course ---------------------------------------------------------------------------------


@pytest.fixture
def alike(sqlite_course):
    """ann and bob handed in the same, under hostile names of files and cells."""
    lab = sqlite_course.labs["tiny"]
    book = json.loads(solution_notebook(lab))
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    copied = "\n".join(
        f"t{n} = ['</script><script>alert({n})</script>', {n} @ f.g{n}]" for n in range(9)
    )
    book["cells"].append(cell | {"source": copied})
    for name in ("ann", "bob"):
        hand_in(sqlite_course, name, lab, "<b>.ipynb", json.dumps(book).encode() + b" " * len(name))
        hand_in(sqlite_course, name, lab, "x", json.dumps(book).encode())
    with sqlite_course.database.writing() as session:
        from introml.hub.people import people

        people.find(session, "bob").full_name = "<img src=x onerror=alert(1)> Bob"
    return sqlite_course


def test_the_report_shows_the_attempts_most_alike_side_by_side(alike):
    html = report_html(alike, alike.labs["tiny"])
    assert "<bdi>Ann Able</bdi> and <bdi>&lt;img src=x onerror=alert(1)&gt; Bob</bdi>" in html
    assert "attempt 1" in html
    first = html.index("Handed in the same")
    assert first < html.index("What is measured")
    assert '<td data-column="What is the same">the file</td>' in html
    assert html.count("<mark>") >= 16
    assert "What it does not say." in html


def test_nothing_in_the_report_is_a_tag_of_a_students(alike):
    html = report_html(alike, alike.labs["tiny"])
    assert "<script" not in html
    assert "<img" not in html
    assert "http" not in html.replace("http-equiv", "")


@pytest.mark.parametrize("word", ["cheat", "plagiar", "guilty", "suspicious", "fraud", "copied"])
def test_the_report_accuses_nobody(alike, word):
    html = re.sub(r"<code>.*?</code>", "", report_html(alike, alike.labs["tiny"]))
    assert word not in html.lower()


def test_the_comparison_is_kept_until_something_is_new(alike, monkeypatch):
    lab = alike.labs["tiny"]
    first = report_of(alike, lab, all_handed_in(alike, lab))
    assert report_of(alike, lab, all_handed_in(alike, lab)) is first
    hand_in(alike, "bob", lab, "x", b"another")
    second = report_of(alike, lab, all_handed_in(alike, lab))
    assert second is not first
    assert second.pairs == first.pairs, "what bob handed in before still counts"


def test_teachers_and_those_who_left_are_not_compared(alike):
    lab = alike.labs["tiny"]
    hand_in(alike, "tess", lab, "x", b"a teacher's")
    with alike.database.writing() as session:
        from introml.hub.people import people

        people.find(session, "bob").active = False
    assert set(all_handed_in(alike, lab)) == {"ann"}
