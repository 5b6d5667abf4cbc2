"""Typed values: what may pass between a check and a student's code, and nothing else.

A value becomes a JSON node and a list of blobs. None, bool, str, int within 64 bits and finite
floats stand for themselves; everything else is an object with one tag:

    {"list": [node, …]}     {"tuple": [node, …]}     {"dict": [[key, node], …]}
    {"float": "nan" | "inf" | "-inf"}                {"torch_dtype": "bfloat16"}
    {"tensor": i, "dtype": "bfloat16"}               {"array": i}     {"scalar": i}
    {"handle": n, "type": "MultiHeadAttention"}

Blob i is a .npy file (format 1.0 or 2.0, no pickle); bfloat16 travels as uint16. What arrives is
hostile: its header is read first, and shape times item size must equal the bytes that are there.
"""

import ast
import io
import math
import struct
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
_ARRAY_DTYPES = {np.dtype(name) for name in _NAMES if name != "bfloat16"} | {
    np.dtype(name) for name in ("uint16", "uint32", "uint64")
}
#: As a .npy file's header says them, "<f4" for float32.
_DESCRIPTIONS = {dtype.str: dtype for dtype in _ARRAY_DTYPES}
_MAX_DIMENSIONS = 32
_MAX_HEADER = 4096
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

    def keep(blob: bytes) -> int:
        nonlocal size
        size += len(blob)
        if size > caps.bytes - caps.json or len(blobs) >= caps.blobs:
            raise ValueRefused(f"returned more than {caps.bytes >> 20} MB, or too many arrays")
        blobs.append(blob)
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
            blob, name = _tensor_bytes(value)
            return {"tensor": keep(blob), "dtype": name}
        if kind is np.ndarray or (isinstance(value, np.generic) and kind.__module__ == "numpy"):
            array = np.asarray(value)
            if array.dtype.newbyteorder("=") not in _ARRAY_DTYPES:
                raise ValueRefused(
                    f"returned an array of dtype {str(array.dtype)[:60]}; return numbers or bools"
                )
            return {"array" if kind is np.ndarray else "scalar": keep(_array_bytes(array))}
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
        extra = {"tensor": "dtype", "handle": "type"}.get(tag)
        if set(node) != {tag, extra} - {None}:
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
            return _read_array(blob(body))
        if tag == "scalar":
            array = _read_array(blob(body))
            if array.ndim:
                raise ValueRefused("sent a scalar that has dimensions")
            return array[()]
        if tag == "tensor":
            return _read_tensor(blob(body), node["dtype"])
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


def _tensor_bytes(tensor: torch.Tensor) -> tuple[bytes, str]:
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
        return _array_bytes(plain.numpy()), name
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueRefused(
            f"returned a tensor that cannot be copied ({str(error)[:200]})"
        ) from None


def _array_bytes(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    # The byte order is this machine's, the layout C's: one spelling for each value.
    np.lib.format.write_array(
        out, np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C"), allow_pickle=False
    )
    return out.getvalue()


def _read_array(data: bytes) -> np.ndarray:
    dtype, fortran, shape, start = _read_header(data)
    size = math.prod(shape) * dtype.itemsize
    if size != len(data) - start:
        raise ValueRefused("sent an array whose shape is not that of its bytes")
    array = np.frombuffer(data, dtype=dtype, offset=start) if size else np.empty(0, dtype)
    # A copy, so that the array can be written to.
    return array.reshape(shape, order="F" if fortran else "C").copy(order="C")


def _read_header(data: bytes) -> tuple[np.dtype, bool, tuple[int, ...], int]:
    """Read a .npy header: dtype, Fortran order, shape, and where the numbers start."""
    bad = ValueRefused("sent a malformed array")
    if data[:6] != b"\x93NUMPY" or data[6:8] not in (b"\x01\x00", b"\x02\x00"):
        raise bad
    layout = "<H" if data[6] == 1 else "<I"
    begin = 8 + struct.calcsize(layout)
    if len(data) < begin:
        raise bad
    length = struct.unpack(layout, data[8:begin])[0]
    if length > _MAX_HEADER or len(data) < begin + length:
        raise bad
    try:
        header = ast.literal_eval(data[begin : begin + length].decode("ascii").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise bad from None
    if type(header) is not dict or set(header) != {"descr", "fortran_order", "shape"}:
        raise bad
    descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
    if type(descr) is not str or descr not in _DESCRIPTIONS:
        raise ValueRefused("sent an array of a dtype that is not allowed")
    if type(fortran) is not bool or type(shape) is not tuple or len(shape) > _MAX_DIMENSIONS:
        raise bad
    if any(type(side) is not int or not 0 <= side < 2**48 for side in shape):
        raise bad
    # With a zero among them the others may lie as they like, and a sum over the side that is zero
    # would make an array of them.
    if math.prod(side for side in shape if side) >= _MOST_ENTRIES:
        raise bad
    return _DESCRIPTIONS[descr], fortran, shape, begin + length


def _read_tensor(data: bytes, name: Any) -> torch.Tensor:
    if type(name) is not str or name not in _NAMES:
        raise ValueRefused("sent a tensor of an unknown dtype")
    array = _read_array(data)
    if array.dtype != np.dtype("uint16" if name == "bfloat16" else name):
        raise ValueRefused("sent a tensor whose dtype is not that of its bytes")
    tensor = torch.from_numpy(array)
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
