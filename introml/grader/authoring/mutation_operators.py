"""The mistakes that mutants have: each operator looks at a node and offers other texts for it.

`OPERATORS` has them under the words in which a survivor is told, the particular before the general:
where two make the same mutant, it is told in the words of the first.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator

from introml.grader.authoring.answer_syntax import Edit, Place, called, name_of, number, receiver

#: Functions that are taken for each other, both ways.
_OTHER_FUNCTION = {
    "mean": "sum", "amax": "amin", "max": "min", "maximum": "minimum", "argmax": "argmin",
    "sin": "cos", "zeros": "ones", "zeros_like": "ones_like", "new_zeros": "new_ones",
    "tril": "triu", "any": "all", "ceil": "floor", "softmax": "log_softmax",
}  # fmt: skip
_OTHER_FUNCTION |= {other: one for one, other in _OTHER_FUNCTION.items()}
_NEW = ("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor")
_CONVERTING = ("to", "type", "type_as", "float", "double", "half", "bfloat16", "long", "int")
_LIKE = {"zeros_like": "zeros", "ones_like": "ones", "empty_like": "empty"}
_OTHER_OPERATION: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "//",
}  # fmt: skip
_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.MatMult: "@",
}  # fmt: skip
_IN_PLACE = {ast.Add: "add_", ast.Sub: "sub_", ast.Mult: "mul_", ast.Div: "div_"}
_IN_PLACE_METHODS = {
    "add", "sub", "mul", "div", "pow", "exp", "clamp", "masked_fill", "sqrt", "neg", "sin", "cos",
    "index_fill", "index_copy", "index_add", "scatter", "scatter_add", "abs", "floor",
}  # fmt: skip
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_RANDOM = {"rand", "randn", "randperm", "randint", "bernoulli", "multinomial", "normal", "dropout"}
_WITH_AN_AXIS = {
    "sum", "mean", "amax", "amin", "max", "min", "argmax", "argmin", "softmax", "cumsum", "prod",
    "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "split", "chunk", "argsort",
    "sort", "cat", "stack", "var", "std", "norm", "logsumexp", "unbind", "gather", "index_select",
    "size", "any", "all", "narrow", "swapaxes", "permute", "cumprod", "roll", "flip",
}  # fmt: skip
_CUTTING = ("split", "chunk", "unbind", "tensor_split")
_SELECTING = ("index_select", "narrow", "gather", "take")
#: Functions of which two arguments can be swapped without a change.
_SYMMETRIC = {
    "transpose", "swapaxes", "maximum", "minimum", "max", "min", "logaddexp", "dot", "zip",
}  # fmt: skip
#: Methods that return the numbers of their receiver, not a copy.
_VIEWS = {
    "view", "reshape", "transpose", "t", "swapaxes", "permute", "squeeze", "unsqueeze", "flatten",
    "unflatten", "split", "chunk", "narrow", "detach", "to", "expand", "expand_as", "contiguous",
    "select", "diagonal", "unbind", "float", "double", "movedim", "ravel", "real", "mT",
}  # fmt: skip
_TRANSPOSING = ("transpose", "t", "swapaxes", "permute")
_TRANSPOSED = ("T", "mT", "H", "mH")
_AXES = ("dim", "axis", "dims")


Operator = Callable[[ast.AST, Place], Iterable[Edit]]
#: What each operator makes, in words, in the order in which they are tried.
OPERATORS: dict[str, Operator] = {}


def _operator(what: str) -> Callable[[Operator], Operator]:
    def keep(function: Operator) -> Operator:
        OPERATORS[what] = function
        return function

    return keep


@_operator("an argument ignored")
def _argument_ignored(node: ast.AST, place: Place) -> Iterator[Edit]:
    """A keyword argument left out, or the last of several others."""
    if not isinstance(node, ast.Call):
        return
    for one in node.keywords:
        idle = one.arg in ("strict", None) or (one.arg == "device" and not place.devices)
        if not idle and one.arg not in ("keepdim", "dtype", "generator", *_AXES):
            yield Edit(node, called(node, place, without=one))
            if isinstance(one.value, ast.Name):
                yield Edit(one.value, "None")
    if len(node.args) > 1 or (node.args and receiver(node)):
        yield Edit(node, called(node, place, without=node.args[-1]))


def _keyword_dropped(*names: str) -> Operator:
    def operator(node: ast.AST, place: Place) -> Iterator[Edit]:
        if isinstance(node, ast.Call):
            for one in node.keywords:
                if one.arg in names:
                    yield Edit(node, called(node, place, without=one))

    return operator


OPERATORS["keepdim dropped"] = _keyword_dropped("keepdim")
OPERATORS["the axis dropped"] = _keyword_dropped(*_AXES)
OPERATORS["the generator ignored"] = _keyword_dropped("generator")


@_operator("two arguments swapped")
def _swapped(node: ast.AST, place: Place) -> Iterator[Edit]:
    """Neighbours among a call's arguments, and the parts of what is returned."""
    if isinstance(node, ast.Call):
        parts = [] if name_of(node) in _SYMMETRIC else node.args
    elif isinstance(node, ast.Tuple) and isinstance(place.parent(node), ast.Return):
        parts = node.elts
    else:
        return
    for one, other in itertools.pairwise(parts):
        if isinstance(one, ast.Starred) or isinstance(other, ast.Starred):
            continue
        texts = [place.text(part) for part in parts]
        at = parts.index(one)
        texts[at], texts[at + 1] = texts[at + 1], texts[at]
        if isinstance(node, ast.Call):
            texts += [
                (f"{kw.arg}=" if kw.arg else "**") + place.text(kw.value) for kw in node.keywords
            ]
            yield Edit(node, f"{place.text(node.func)}({', '.join(texts)})")
        else:
            yield Edit(node, f"({', '.join(texts)})")


@_operator("whole for part")
def _whole_for_part(node: ast.AST, place: Place) -> Iterator[Edit]:
    """All of a tensor where a slice, a row or a batch of it is meant; one block of all blocks."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield place.instead(node, node.value)
    if whole := receiver(node):
        assert isinstance(node, ast.Call)
        if name_of(node) in _CUTTING:
            yield Edit(node, f"({place.text(whole)},)")
        if name_of(node) in _SELECTING:
            yield place.instead(node, whole)
    for _, parts in _selected_together(node):
        assert isinstance(node, ast.stmt)
        yield Edit(node, place.changed(node, [(one, place.text(whole)) for one, whole in parts]))
    if rounds := _index_of_rounds(node):
        yield Edit(rounds[1], "", before=f"{rounds[0]} = slice(None)")


@_operator("first rows only")
def _first_rows(node: ast.AST, place: Place) -> Iterator[Edit]:
    """The first rows, as many as were asked for."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        index = node.slice
        if isinstance(index, ast.Name):
            yield Edit(node, f"{place.text(node.value)}[:len({index.id})]")
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        for one in parts:
            if isinstance(one, ast.Slice) and one.lower and one.upper:
                low, high = place.text(one.lower, atom=True), place.text(one.upper, atom=True)
                yield Edit(one, f":{high} - {low}")
    for name, selected in _selected_together(node):
        assert isinstance(node, ast.stmt)
        changes = [(one, f"{place.text(whole)}[:len({name})]") for one, whole in selected]
        yield Edit(node, place.changed(node, changes))
    if rounds := _index_of_rounds(node):
        name, first = rounds
        yield Edit(first, "", before=f"{name} = torch.arange(len({name}))")


def _selected(node: ast.AST) -> tuple[str, ast.expr] | None:
    """The index's name, and what is selected from: `X[batch]` or `X.index_select(0, batch)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        index, whole = node.slice, node.value
    elif isinstance(node, ast.Call) and name_of(node) == "index_select" and len(node.args) == 2:
        whole = receiver(node) or node
        index = node.args[1]
    else:
        return None
    return (index.id, whole) if isinstance(index, ast.Name) else None


def _selected_together(node: ast.AST) -> Iterator[tuple[str, list[tuple[ast.expr, ast.expr]]]]:
    """The selections of a simple statement, by the index that several of them share."""
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return):
        return
    by_index: dict[str, list[tuple[ast.expr, ast.expr]]] = {}
    for one in ast.walk(node):
        selected = _selected(one)
        if selected and isinstance(one, ast.expr):
            by_index.setdefault(selected[0], []).append((one, selected[1]))
    yield from ((name, parts) for name, parts in by_index.items() if len(parts) > 1)


def _index_of_rounds(node: ast.AST) -> tuple[str, ast.stmt] | None:
    """The variable by which a loop selects rows, and the first statement of the loop."""
    if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        inside = (_selected(one) for statement in node.body for one in ast.walk(statement))
        if any(one and one[0] == node.target.id for one in inside):
            return node.target.id, node.body[0]
    return None


@_operator("wrong axis")
def _wrong_axis(node: ast.AST, place: Place) -> Iterator[Edit]:
    """An axis before or after the right one."""
    if not isinstance(node, ast.Call):
        return
    axes = [one.value for one in node.keywords if one.arg in _AXES]
    if name_of(node) in _WITH_AN_AXIS:
        axes += node.args
    for one in axes:
        value = number(one)
        if isinstance(value, int):
            yield from (Edit(one, str(value + step)) for step in (-1, 1))


@_operator("some rounds left out")
def _rounds_left_out(node: ast.AST, place: Place) -> Iterator[Edit]:
    """A loop that makes its first round only, or all but the first, or all but the last."""
    if isinstance(node, ast.For | ast.comprehension):
        over = place.text(node.iter)
        yield from (Edit(node.iter, f"list({over})[{part}]") for part in (":1", "1:", ":-1"))


@_operator("made once for all rounds")
def _made_once(node: ast.AST, place: Place) -> Iterator[Edit]:
    """What a loop makes anew in each round is made before it."""
    if isinstance(node, ast.ListComp | ast.GeneratorExp) and len(node.generators) == 1:
        over = place.text(node.generators[0].iter)
        if isinstance(node.elt, ast.Call) and not node.generators[0].ifs:
            yield Edit(node, f"([{place.text(node.elt)}] * len(list({over})))")
    if isinstance(node, ast.For) and len(node.body) > 1:
        indent = " " * node.col_offset
        for one in node.body:
            value = one.value if isinstance(one, ast.Assign) else None
            if isinstance(value, ast.Call) and name_of(value) not in ("range", "len", "zip"):
                text = place.text(one)
                rest = place.text(node).replace(text, "pass", 1)
                edited = f"{text}\n{indent}{rest}"
                yield Edit(node, edited, told=(text, f"{text}, once, before the loop"))


@_operator("off by one")
def _off_by_one(node: ast.AST, place: Place) -> Iterator[Edit]:
    """The ends of a range or a slice, and the edge of a comparison."""
    ends: list[ast.expr] = []
    if isinstance(node, ast.Call) and name_of(node) in ("range", "arange"):
        ends = node.args[:2]
    elif isinstance(node, ast.Slice):
        ends = [one for one in (node.lower, node.upper) if one]
    for one in ends:
        value = number(one)
        for sign, step in (("+", 1), ("-", -1)):
            text = f"{place.text(one)} {sign} 1" if value is None else str(value + step)
            yield Edit(one, text)
    yield from _compared(node, place, _OFF_BY_ONE)


def _compared(node: ast.AST, place: Place, other: dict[str, str]) -> Iterator[Edit]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        sign = other.get(_COMPARED.get(type(node.ops[0]), ""))
        if sign:
            sides = (place.text(one) for one in (node.left, node.comparators[0]))
            yield Edit(node, f"({f' {sign} '.join(sides)})")


@_operator("in place")
def _in_place(node: ast.AST, place: Place) -> Iterator[Edit]:
    """Numbers that somebody else holds are changed, instead of new ones being made."""
    if (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.value, ast.BinOp)
    ):
        target, value = node.targets[0], node.value
        same = ast.dump(target).replace("Store()", "Load()") == ast.dump(value.left)
        if same and type(value.op) in _SIGNS and not _is_its_own(value.left, value, place):
            sign = _SIGNS[type(value.op)]
            yield Edit(node, f"{place.text(target)} {sign}= {place.text(value.right)}")
    method = _IN_PLACE.get(type(node.op)) if isinstance(node, ast.BinOp) else None
    if isinstance(node, ast.BinOp) and method and not _is_its_own(node.left, node, place):
        yield Edit(node, f"{place.text(node.left)}.{method}({place.text(node.right)})")
    of = receiver(node)
    if not isinstance(node, ast.Call) or of is None or name_of(node) not in _IN_PLACE_METHODS:
        return
    if not _is_its_own(of, node, place):
        yield Edit(node, called(node, place, function=f"{place.text(node.func)}_"))


def _is_its_own(value: ast.expr, node: ast.expr | ast.stmt, place: Place) -> bool:
    """Whether nobody but `node` needs this value: then a change in place changes nothing else.

    That is so for a new value, and for a variable that is bound to new values alone, is kept
    nowhere else, and is not read again before it is bound anew.
    """
    function = place.function(node)
    if not isinstance(value, ast.Name) or function is None:
        return _is_new(value)
    for one in ast.walk(function):
        if isinstance(one, ast.arg) and one.arg == value.id:
            return False
        if not isinstance(one, ast.Name) or one.id != value.id:
            continue
        above = place.parent(one)
        if isinstance(one.ctx, ast.Store):
            if not _is_bound_to_new(one, place):
                return False
        elif isinstance(above, ast.Tuple) and isinstance(place.parent(above), ast.Return):
            continue
        elif isinstance(above, ast.Tuple | ast.List | ast.Assign | ast.keyword) or (
            isinstance(above, ast.Call) and name_of(above) in ("append", "detach")
        ):
            return False
    return not _is_read_again(value.id, node, function, place)


def _is_bound_to_new(name: ast.Name, place: Place) -> bool:
    """Whether `name = value` or `name, other = value, …` gives the name a new value."""
    above = place.parent(name)
    if isinstance(above, ast.Tuple):
        whole = place.parent(above)
        if isinstance(whole, ast.Assign) and isinstance(whole.value, ast.Tuple):
            values = dict(zip(above.elts, whole.value.elts, strict=False))
            return name in values and _is_new(values[name])
        return False
    return isinstance(above, ast.Assign) and len(above.targets) == 1 and _is_new(above.value)


def _is_read_again(name: str, node: ast.expr | ast.stmt, function: ast.AST, place: Place) -> bool:
    """Whether the variable is read after `node` is computed, before it is bound anew."""
    loop: ast.AST | None = node
    while loop is not None and loop is not function and not isinstance(loop, ast.For | ast.While):
        loop = place.parent(loop)
    inside = set(ast.walk(node))
    uses = []
    for one in ast.walk(loop or function):
        if isinstance(one, ast.Name) and one.id == name and one not in inside:
            binds = isinstance(one.ctx, ast.Store)
            # A name is bound when the rest of its statement is computed.
            whole = place.statement(one) if binds else None
            uses.append((place.span(whole or one)[binds], binds))
    uses.sort()
    here = place.span(node)[1]
    later = [binds for at, binds in uses if at >= here]
    around = [binds for at, binds in uses if at < here] if loop is not function else []
    return not (later or around or [True])[0]


def _is_new(value: ast.expr) -> bool:
    """Whether the value is just computed, in memory of its own."""
    if isinstance(value, ast.Call):
        of = receiver(value)
        return name_of(value) not in _VIEWS or (of is not None and _is_new(of))
    return not isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.IfExp)


@_operator("dtype dropped")
def _dtype_dropped(node: ast.AST, place: Place) -> Iterator[Edit]:
    """New tensors of the default type, whatever the type of the inputs."""
    yield from _keyword_dropped("dtype")(node, place)
    if not isinstance(node, ast.Call):
        return
    value = receiver(node)
    if value and name_of(node) in _CONVERTING:
        yield place.instead(node, value)
    if value and name_of(node) in _NEW:
        function = "torch." + name_of(node).removeprefix("new_")
        yield Edit(node, called(node, place, function=function))
    if name_of(node) in _LIKE and node.args:
        shape = f"{place.text(node.args[0], atom=True)}.shape"
        yield Edit(node, f"torch.{_LIKE[name_of(node)]}({shape})")


@_operator("sign flipped")
def _sign_flipped(node: ast.AST, place: Place) -> Iterator[Edit]:
    """Plus for minus, times for divided by, and back; a minus left out."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER_OPERATION:
        sign = _OTHER_OPERATION[type(node.op)]
        right = place.text(node.right, atom=True)
        yield Edit(node, f"({place.text(node.left, atom=True)} {sign} {right})")
    if isinstance(node, ast.AugAssign) and type(node.op) in _OTHER_OPERATION:
        sign = _OTHER_OPERATION[type(node.op)]
        yield Edit(node, f"{place.text(node.target)} {sign}= {place.text(node.value)}")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield place.instead(node, node.operand)


@_operator("a part left out")
def _part_left_out(node: ast.AST, place: Place) -> Iterator[Edit]:
    """One side of an operation: so a small number that is added goes, or a factor."""
    if isinstance(node, ast.BinOp):
        yield from (place.instead(node, one) for one in (node.left, node.right))
    if isinstance(node, ast.BoolOp):
        yield from (place.instead(node, one) for one in node.values)
    if isinstance(node, ast.AugAssign):
        yield Edit(node, f"{place.text(node.target)} = {place.text(node.value)}")


@_operator("constant changed")
def _constant_changed(node: ast.AST, place: Place) -> Iterator[Edit]:
    """A number one off, twice as large or zero; no infinity but a large number; True for False."""
    if isinstance(node, ast.Attribute) and node.attr == "inf":
        yield Edit(node, "1e4")
    if not isinstance(node, ast.Constant):
        return
    value, above = node.value, place.parent(node)
    if isinstance(value, bool):
        if not (isinstance(above, ast.keyword) and above.arg == "strict"):
            yield Edit(node, str(not value))
    elif isinstance(value, int):
        yield from (Edit(node, _written(value + step)) for step in (1, -1))
    elif isinstance(value, float):
        others = {2 * value, value + 1, 0.0} - {value}
        yield from (Edit(node, _written(other)) for other in sorted(others))


def _written(number: float) -> str:
    return f"({number!r})" if number < 0 else repr(number)


@_operator("another function")
def _another_function(node: ast.AST, place: Place) -> Iterator[Edit]:
    """Mean for sum, largest for least, sine for cosine, …"""
    if isinstance(node, ast.Call) and (other := _OTHER_FUNCTION.get(name_of(node))):
        whole = place.text(node.func)
        function = whole[: len(whole) - len(name_of(node))] + other
        yield Edit(node, called(node, place, function=function))


@_operator("a transposition dropped")
def _transposition_dropped(node: ast.AST, place: Place) -> Iterator[Edit]:
    value = receiver(node) if name_of(node) in _TRANSPOSING else None
    if isinstance(node, ast.Attribute) and node.attr in _TRANSPOSED:
        value = node.value
    if value:
        assert isinstance(node, ast.expr)
        yield place.instead(node, value)


@_operator("a call left out")
def _call_left_out(node: ast.AST, place: Place) -> Iterator[Edit]:
    """A conversion, a limit, a copy: the value itself; so for a function of a value."""
    if not isinstance(node, ast.Call):
        return
    value = receiver(node)
    if value is None and node.args and name_of(node) not in ("range", "len", "super"):
        value = node.args[0]
    if value is not None and not isinstance(value, ast.Starred | ast.GeneratorExp):
        yield place.instead(node, value)


@_operator("not shuffled")
def _not_shuffled(node: ast.AST, place: Place) -> Iterator[Edit]:
    """Always the same order; drawn with replacement; a seed of its own."""
    if not isinstance(node, ast.Call) or name_of(node) not in _RANDOM:
        return
    if name_of(node) == "randperm" and node.args:
        count = place.text(node.args[0])
        yield Edit(node, f"torch.arange({count})")
        yield Edit(node, f"torch.randint({count}, ({count},))")
    if statement := place.statement(node):
        yield Edit(statement, "", before="torch.manual_seed(0)")


@_operator("a condition negated")
def _condition_negated(node: ast.AST, place: Place) -> Iterator[Edit]:
    """The opposite; or always true, or never."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield Edit(node.test, f"not {place.text(node.test, atom=True)}")
        if not isinstance(node, ast.While):
            yield from (Edit(node.test, text) for text in ("True", "False"))
    yield from _compared(node, place, _OPPOSITE)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield place.instead(node, node.operand)
    if isinstance(node, ast.BoolOp):
        sign = " or " if isinstance(node.op, ast.And) else " and "
        yield Edit(node, f"({sign.join(place.text(one, atom=True) for one in node.values)})")


@_operator("a statement dropped")
def _statement_dropped(node: ast.AST, place: Place) -> Iterator[Edit]:
    if isinstance(node, ast.stmt) and not isinstance(node, ast.Pass | ast.Global | ast.Nonlocal):
        yield Edit(node, "pass")
