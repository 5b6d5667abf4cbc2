"""A table of settings as a typed model; what is wrong with one is said in words that help."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

#: A list of texts in TOML.
Texts = Annotated[tuple[str, ...], Field(strict=False, description="a list of texts")]
#: How much of a wrong value is shown.
_SHOWN = 200


class SettingsTable(BaseModel):
    """Keys with their types. Nothing is converted: "2" is no number, and true is none either.

    A field's description, where it has one, says what it must be, for who wrote something else.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Table = TypeVar("Table", bound=SettingsTable)


def checked(model: type[Table], values: Any, name: str = "", text: str = "") -> Table:
    """The table `name` (or the whole file) with these values. Raises `ValueError`.

    It names each setting that is wrong, what was given and what is allowed, one a line; and the
    line where it stands, if `text` is the file.
    """
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        said = []
        for error in problem.errors(include_url=False):
            loc = (*name.split("."), *error["loc"]) if name else error["loc"]
            keys = [part for part in loc if isinstance(part, str)]
            line = _line_of(text, keys) or _line_of(text, keys[:-1])
            said.append(f"line {line}: " * bool(line) + _words(model, values, name, error))
        raise ValueError("\n".join(said)) from None


def no_setting(key: str, allowed: Sequence[str], table: str = "") -> str:
    """The sentence on a key that is not known: the nearest one that is, and all of them."""
    near = nearest(key, allowed)
    are = "Allowed are" if near else "allowed are"
    return f"{_dotted(table, key)} is no setting; {near}{are} {', '.join(allowed)}"


def nearest(name: str, known: Sequence[str]) -> str:
    """The question whether the known name was meant that is like this one; "" if none is."""
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}? " if near else ""


def _words(model: type[SettingsTable], values: Any, name: str, error: Mapping[str, Any]) -> str:
    keys = [part for part in error["loc"] if isinstance(part, str)]
    inside = len(keys) < len(error["loc"])
    path = _dotted(name, *keys)
    given = error["input"]
    if error["type"] == "value_error":
        why = str(error["ctx"]["error"])
        if _is_table(model, keys):
            return f"{path}: {why}" if path else why
        return f"{path} {'has' if inside else 'is'} {_shown(given)}; {why}"
    if error["type"] == "extra_forbidden":
        table = _parent(model, keys)
        return no_setting(keys[-1], list(table.model_fields), _dotted(name, *keys[:-1]))
    must = f"it must be {_allowed(model, keys)}"
    if error["type"] == "missing":
        return f"{path} is missing; {must}"
    if inside:
        for key in keys:
            values = values[key]
        given = values
    return f"{path} is {_shown(given)}; {must}"


def _allowed(model: type[SettingsTable], keys: Sequence[str]) -> str:
    """What a setting may be, from its field's description or else its type."""
    if not keys or _is_table(model, keys):
        return f"a table, such as [{keys[-1]}]" if keys else "a table"
    schema = _parent(model, keys).model_json_schema()["properties"][keys[-1]]
    if "description" in schema:
        return schema["description"]
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if schema.get("type") == "integer":
        if "maximum" in schema:
            return f"a whole number from {schema['minimum']} to {schema['maximum']}"
        return f"a whole number, {schema['minimum']} or more"
    return {"boolean": "true or false", "string": "a text"}[schema["type"]]


def _is_table(model: type[SettingsTable], keys: Sequence[str]) -> bool:
    return _table(model, keys) is not None


def _table(model: type[SettingsTable], keys: Sequence[str]) -> type[SettingsTable] | None:
    """The model of the table to which the keys lead, if it is one."""
    for key in keys:
        field = model.model_fields.get(key)
        kinds = () if field is None else (field.annotation, *_parts(field.annotation))
        found = [x for x in kinds if isinstance(x, type) and issubclass(x, SettingsTable)]
        if not found:
            return None
        model = found[0]
    return model


def _parent(model: type[SettingsTable], keys: Sequence[str]) -> type[SettingsTable]:
    """The model of the table that a setting is in."""
    found = _table(model, keys[:-1])
    assert found is not None, "what holds a setting is a table"
    return found


def _parts(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _dotted(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _line_of(text: str, keys: Sequence[str]) -> int:
    """The line where a setting begins, from 1; 0 if it is not there.

    Found by the parser itself: the lines before it are TOML without it, and no more of them are.
    """
    lines = text.splitlines(keepends=True) if keys else []
    last = 0
    for count in range(1, len(lines) + 1):
        try:
            node: Any = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        if node is not None:
            return last + 1
        last = count
    return 0
