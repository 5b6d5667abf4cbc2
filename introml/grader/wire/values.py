"""Typed values: what may pass between a check and a student's code, and nothing else.

A value becomes a JSON node and a list of blobs. None, bool, str, int within 64 bits and finite
floats stand for themselves; everything else is an object with one tag:

    {"list": [node, …]}     {"tuple": [node, …]}     {"dict": [[key, node], …]}
    {"float": "nan" | "inf" | "-inf"}                {"torch_dtype": "bfloat16"}
    {"tensor": i, "dtype": "bfloat16", "shape": [2, 3]}        {"array": …the same…}
    {"scalar": i, "dtype": "float32"}                {"handle": n, "type": "MultiHeadAttention"}

Blob i holds an array's numbers and nothing else, in C order and this machine's byte order. What
arrives is hostile: nothing in it is evaluated, dtype and shape come from short lists, and shape
times item size must equal the bytes that are there. So the work of decoding is bounded by the
bytes and by the number of parts, both of which have caps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Node = Any
"""A JSON value: None, bool, int, float, str, or a dict with one tag."""


class ValueRefused(Exception):
    """A value that may not pass; the message is a sentence that a student can act on."""


@dataclass(frozen=True)
class Caps:
    """How much may arrive: bytes in all, bytes of JSON, numbers of blobs, nodes and so on."""

    bytes: int = 64 << 20
    json: int = 8 << 20
    blobs: int = 4096
    nodes: int = 100_000
    depth: int = 32
    string: int = 1 << 20


#: What a check, which is trusted, sends: as large as memory allows.
REQUEST_CAPS = Caps(bytes=1 << 32, json=1 << 28, blobs=1 << 16, nodes=10**7, string=1 << 26)


@dataclass(frozen=True)
class HandleRef:
    """Names an object that lives in the box: its number and the name of its class."""

    number: int
    type: str


_NAMES = {
    "bool": torch.bool,
    "uint8": torch.uint8,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
    "complex64": torch.complex64,
    "complex128": torch.complex128,
}
_DTYPES = {dtype: name for name, dtype in _NAMES.items()}
_ARRAY_DTYPES = {
    name: np.dtype(name) for name in (*_NAMES, "uint16", "uint32", "uint64") if name != "bfloat16"
}
_ARRAY_NAMES = {dtype: name for name, dtype in _ARRAY_DTYPES.items()}
#: The fields of a node beside its tag.
_FIELDS = {
    "tensor": {"tensor", "dtype", "shape"},
    "array": {"array", "dtype", "shape"},
    "scalar": {"scalar", "dtype"},
    "handle": {"handle", "type"},
}
MAX_DIMENSIONS = 32
_MOST_ENTRIES = 2**30
_INT_RANGE = range(-(2**63), 2**63)


def name_of(value: object) -> str:
    """Return the name of a value's class, cut to what fits in a sentence."""
    name = type.__getattribute__(type(value), "__name__")
    return name[:60] if type(name) is str else "value"


def encode(
    value: Any,
    handle: Callable[[Any], HandleRef | None] | None = None,
    caps: Caps | None = None,
) -> tuple[Node, list[bytes]]:
    """Turn a value into a node and its blobs.

    `handle` may answer with the handle of an object that is no plain value; without an answer the
    object is refused. Raises ValueRefused; what is over `caps` is refused too, so that a whole
    value never is on the other side.
    """
    caps = caps or Caps()
    blobs: list[bytes] = []
    count = letters = size = 0

    def keep(array: np.ndarray) -> int:
        nonlocal size
        if not _is_shape(list(array.shape)):
            raise ValueRefused("returned an array of too many dimensions; return a smaller one")
        size += array.nbytes
        if size > caps.bytes - caps.json or len(blobs) >= caps.blobs:
            raise ValueRefused(f"returned more than {caps.bytes >> 20} MB, or too many arrays")
        native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        blobs.append(native.tobytes())
        return len(blobs) - 1

    def text(value: str) -> str:
        nonlocal letters
        letters += len(value)
        if letters > caps.string:
            raise ValueRefused(f"returned strings longer than {caps.string} characters")
        return _plain_string(value, caps.string)

    def node(value: Any, left: int) -> Node:
        nonlocal count
        count += 1
        if count > caps.nodes:
            raise ValueRefused(f"returned more than {caps.nodes} items; return a tensor of them")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return text(value)
        if kind is int:
            if value not in _INT_RANGE:
                raise ValueRefused("returned an int beyond 64 bits; return a smaller one")
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": _special(value)}
        if kind is HandleRef:
            return {"handle": value.number, "type": value.type}
        if kind is torch.dtype and value in _DTYPES:
            return {"torch_dtype": _DTYPES[value]}
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            array, name = _tensor_array(value)
            return {"tensor": keep(array), "dtype": name, "shape": list(array.shape)}
        if kind is np.ndarray or (isinstance(value, np.generic) and kind.__module__ == "numpy"):
            array = np.asarray(value)
            dtype = _ARRAY_NAMES.get(array.dtype.newbyteorder("="))
            if dtype is None:
                raise ValueRefused(
                    f"returned an array of dtype {str(array.dtype)[:60]}; return numbers or bools"
                )
            if kind is np.ndarray:
                return {"array": keep(array), "dtype": dtype, "shape": list(array.shape)}
            return {"scalar": keep(array), "dtype": dtype}
        if kind in (list, tuple, dict, torch.Size):
            if not left:
                raise ValueRefused("returned lists or dicts nested too deep; return flatter ones")
            if kind is dict:
                return {"dict": [[text(_key(k)), node(v, left - 1)] for k, v in value.items()]}
            return {"list" if kind is list else "tuple": [node(item, left - 1) for item in value]}
        if handle is not None and (reference := handle(value)) is not None:
            return {"handle": reference.number, "type": reference.type[:60]}
        raise ValueRefused(_refusal(value))

    return node(value, caps.depth), blobs


def decode(
    node: Node,
    blobs: list[bytes],
    caps: Caps | None = None,
    handle: Callable[[HandleRef], Any] | None = None,
) -> Any:
    """Turn a node and its blobs back into a value; `handle` may replace each HandleRef.

    Every blob is used exactly once, in order. Raises ValueRefused, and nothing else, whatever
    arrives.
    """
    caps = caps or Caps()
    if len(blobs) > caps.blobs or sum(map(len, blobs)) > caps.bytes:
        raise ValueRefused(f"sent more than {caps.bytes} bytes or {caps.blobs} arrays")
    count = 0
    used = 0

    def blob(index: Any) -> bytes:
        nonlocal used
        if type(index) is not int or index != used or index >= len(blobs):
            raise ValueRefused("sent a value whose arrays are out of order")
        used += 1
        return blobs[index]

    def items(body: Any, left: int) -> list:
        if type(body) is not list:
            raise ValueRefused("sent a malformed container")
        return [value(item, left - 1) for item in body]

    def value(node: Node, left: int) -> Any:
        nonlocal count
        count += 1
        if count > caps.nodes or left < 0:
            raise ValueRefused("sent a value with too many parts, or nested too deep")
        kind = type(node)
        if node is None or kind is bool:
            return node
        if kind is str:
            return _plain_string(node, caps.string)
        if kind is int and node in _INT_RANGE:
            return node
        if kind is float and math.isfinite(node):
            return node
        if kind is not dict or not node:
            raise ValueRefused("sent a malformed value")
        tag = next(iter(node))
        body = node[tag]
        if node.keys() != _FIELDS.get(tag, {tag}):
            raise ValueRefused("sent a value with a malformed tag")
        if tag == "list":
            return items(body, left)
        if tag == "tuple":
            return tuple(items(body, left))
        if tag == "dict":
            return _pairs(body, caps, lambda item: value(item, left - 1))
        if tag == "float" and type(body) is str and body in ("nan", "inf", "-inf"):
            return float(body)
        if tag == "torch_dtype" and type(body) is str and body in _NAMES:
            return _NAMES[body]
        if tag == "array":
            return _read_array(blob(body), node["dtype"], node["shape"])
        if tag == "scalar":
            return _read_array(blob(body), node["dtype"], [])[()]
        if tag == "tensor":
            return _read_tensor(blob(body), node["dtype"], node["shape"])
        if tag == "handle":
            return _read_handle(body, node["type"], handle)
        raise ValueRefused("sent a value of an unknown kind")

    result = value(node, caps.depth)
    if used != len(blobs):
        raise ValueRefused("sent arrays that belong to no value")
    return result


def _plain_string(text: str, longest: int = Caps.string) -> str:
    if len(text) > longest:
        raise ValueRefused(f"returned a string longer than {longest} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueRefused("returned a string that is no valid Unicode") from None
    return text


def _special(value: float) -> str:
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _key(key: Any) -> str:
    if type(key) is not str:
        raise ValueRefused(f"returned a dict with a key of type {name_of(key)}; use str keys")
    return key


def _refusal(value: Any) -> str:
    name = name_of(value)
    try:
        kind = type(value)
        if issubclass(kind, torch.Tensor):
            want = "a plain torch.Tensor"
        elif issubclass(kind, np.ndarray):
            want = "a plain numpy array"
        elif issubclass(kind, tuple):
            want = "a plain tuple"
        elif hasattr(kind, "__next__"):
            want = "a list"
        else:
            want = "tensors, arrays, numbers, strings, or lists, tuples and dicts of them"
    except Exception:
        want = "a plain value"
    return f"returned a {name}; return {want}"


def _tensor_array(tensor: torch.Tensor) -> tuple[np.ndarray, str]:
    name = _DTYPES.get(tensor.dtype)
    if tensor.layout is not torch.strided:
        raise ValueRefused("returned a sparse tensor; return a dense one (tensor.to_dense())")
    if tensor.device.type == "meta":
        raise ValueRefused("returned a tensor on the meta device, which holds no numbers")
    if name is None or tensor.is_quantized:
        raise ValueRefused(f"returned a tensor of dtype {str(tensor.dtype)[:60]}; use a plain one")
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg()
        if name == "bfloat16":
            plain = plain.contiguous().view(torch.uint16)
        return plain.numpy(), name
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueRefused(
            f"returned a tensor that cannot be copied ({str(error)[:200]})"
        ) from None


def _is_shape(shape: Any) -> bool:
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        return False
    if any(type(side) is not int or not 0 <= side < _MOST_ENTRIES for side in shape):
        return False
    # With a zero among them the others may lie as they like, and a sum over the side that is zero
    # would make an array of them.
    return math.prod(side for side in shape if side) < _MOST_ENTRIES


def _read_array(data: bytes, name: Any, shape: Any) -> np.ndarray:
    if type(name) is not str or name not in _ARRAY_DTYPES:
        raise ValueRefused("sent an array of a dtype that is not allowed")
    dtype = _ARRAY_DTYPES[name]
    if not _is_shape(shape):
        raise ValueRefused("sent a malformed array")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueRefused("sent an array whose shape is not that of its bytes")
    if not data:
        return np.empty(shape, dtype)
    if name == "bool":  # a byte that is neither 0 nor 1 would be equal to no bool, or to both
        return (np.frombuffer(data, np.uint8) != 0).reshape(shape)
    # A copy, so that the array can be written to.
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _read_tensor(data: bytes, name: Any, shape: Any) -> torch.Tensor:
    if type(name) is not str or name not in _NAMES:
        raise ValueRefused("sent a tensor of an unknown dtype")
    tensor = torch.from_numpy(_read_array(data, "uint16" if name == "bfloat16" else name, shape))
    return tensor.view(torch.bfloat16) if name == "bfloat16" else tensor


def _read_handle(number: Any, kind: Any, handle: Callable[[HandleRef], Any] | None) -> Any:
    if type(number) is not int or not 0 <= number < 2**31:
        raise ValueRefused("sent a malformed handle")
    if type(kind) is not str or len(kind) > 60:
        raise ValueRefused("sent a malformed handle")
    reference = HandleRef(number, _plain_string(kind))
    return handle(reference) if handle else reference


def _pairs(body: Any, caps: Caps, value: Callable[[Node], Any]) -> dict[str, Any]:
    if type(body) is not list:
        raise ValueRefused("sent a malformed dict")
    result: dict[str, Any] = {}
    for pair in body:
        if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str:
            raise ValueRefused("sent a malformed dict")
        key = _plain_string(pair[0], caps.string)
        if key in result:
            raise ValueRefused("sent a dict with the same key twice")
        result[key] = value(pair[1])
    return result
