"""Typed values: every allowed value comes back as it went, and nothing else comes in."""

import contextlib
import math
import struct
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from introml.grader.wire.values import Caps, HandleRef, ValueRefused, decode, encode

DTYPES = ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int64", "bool"]
SMALL = Caps(bytes=1 << 16, blobs=8, nodes=200, depth=6, string=200)


def tensors():
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    return st.builds(
        lambda shape, name, seed: (
            torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 10
        ).to(getattr(torch, name)),
        shapes,
        st.sampled_from(DTYPES),
        st.integers(0, 1000),
    )


def arrays():
    return hnp.arrays(
        st.sampled_from([np.dtype(n) for n in ("f4", "f8", "i8", "u1", "?", "u4", "c8")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=50)
    | st.sampled_from([torch.float32, torch.bfloat16])
)
VALUES = st.recursive(
    PLAIN | tensors() | arrays(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        bits = (x.contiguous().view(torch.uint8) if x.numel() and x.dim() else x for x in (a, b))
        assert torch.equal(*bits)
    elif isinstance(a, np.ndarray | np.generic):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, float):
        assert struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    else:
        assert a == b


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_every_allowed_value_comes_back_as_it_went(value):
    same(decode(*encode(value)), value)


def test_the_same_value_is_always_the_same_bytes():
    array = np.arange(6.0).reshape(2, 3)
    assert encode(np.asfortranarray(array)) == encode(array) == encode(array.astype(">f8"))


def test_what_comes_back_is_a_copy_that_can_be_written_to():
    array = np.zeros(3)
    back = decode(*encode([array, torch.from_numpy(array)]))
    back[0][0] = 1
    back[1][0] = 1
    assert not array.any()
    assert not np.shares_memory(back[0], back[1].numpy())


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (torch.nn.Parameter(torch.ones(2)), torch.ones(2)),
        (torch.ones(2, requires_grad=True) * 2, torch.full((2,), 2.0)),
        (torch.ones(4)[::2], torch.ones(2)),
        (torch.arange(6).view(2, 3).T, torch.arange(6).view(2, 3).T.contiguous()),
        (torch.ones(1).expand(3), torch.ones(3)),
        (torch.Size([2, 3]), (2, 3)),
        (np.float32(1.5), np.float32(1.5)),
        (torch.complex(torch.ones(2), torch.ones(2)).conj(), torch.full((2,), 1 - 1j)),
    ],
)
def test_views_parameters_and_numbers_are_sent_as_what_they_hold(value, back):
    same(decode(*encode(value)), back)


def test_bfloat16_keeps_its_bits():
    values = torch.tensor([1.0, -0.0, math.inf, math.nan, 3e38, 1e-40], dtype=torch.bfloat16)
    back = decode(*encode(values))
    assert back.dtype == torch.bfloat16
    assert torch.equal(back.view(torch.int16), values.view(torch.int16))


class LazyTensor(torch.Tensor):
    pass


class Equal:
    def __eq__(self, other):
        return True

    __hash__ = None


class Sly(str):
    pass


class ArrayLike:
    def __array__(self, *args):
        raise AssertionError("must not be called")


class SubArray(np.ndarray):
    pass


class Pair(tuple):
    pass


class Loud(type):
    def __getattribute__(cls, name):
        # Sphinx, in other tests of the same process, asks all objects that there are for this.
        if name == "__class__":
            return type.__getattribute__(cls, name)
        raise RuntimeError("no")


class LoudThing(metaclass=Loud):
    pass


def quantised():
    return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (torch.ones(2).as_subclass(LazyTensor), "a LazyTensor; return a plain torch.Tensor"),
        (torch.ones(2).to_sparse(), "sparse"),
        (torch.ones(2, device="meta"), "meta"),
        (np.array([{}], dtype=object), "dtype object"),
        (np.array(["a"]), "dtype"),
        (np.zeros(2, dtype=[("a", "f4")]), "dtype"),
        (np.zeros(2).view(SubArray), "a plain numpy array"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "dtype"),
        (Equal(), "a Equal; return tensors"),
        (ArrayLike(), "a ArrayLike"),
        (Sly("x"), "a Sly"),
        (Pair((1, 2)), "a plain tuple"),
        (LoudThing(), "return"),
        (iter([1]), "return a list"),
        ((x for x in [1]), "return a list"),
        ({1: 2}, "str keys"),
        ({Sly("a"): 2}, "str keys"),
        (2**63, "64 bits"),
        ("\ud800", "Unicode"),
        ("x" * (2**20 + 1), "longer"),
        (b"x", "a bytes"),
        ({1, 2}, "a set"),
        (1j, "a complex"),
        (print, "builtin_function_or_method"),
        (True.__class__, "a type"),
        (torch.nn.Linear(1, 1), "a Linear"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(value, says):
    with pytest.raises(ValueRefused, match=says) as caught:
        encode([value])
    assert len(str(caught.value)) < 300


def test_quantised_tensors_are_refused():
    with pytest.raises(ValueRefused):
        encode(quantised())


def test_a_value_that_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueRefused, match="nested too deep"):
        encode(loop)


def test_objects_pass_as_handles_only_where_the_worker_knows_them():
    thing = Equal()
    known = {id(thing): HandleRef(3, "Equal")}
    node, blobs = encode([thing], handle=lambda value: known.get(id(value)))
    assert node == {"list": [{"handle": 3, "type": "Equal"}]}
    assert decode(node, blobs) == [HandleRef(3, "Equal")]
    assert decode(node, blobs, handle=lambda ref: ref.number) == [3]


# What a hostile process may send.


def array(dtype="float32", shape=(2,), **more):
    return {"array": 0, "dtype": dtype, "shape": list(shape), **more}


EIGHT = bytes(8)


def test_the_arrays_that_these_tests_forge_are_read():
    assert decode(array(), [EIGHT]).tolist() == [0, 0]
    numbers = np.arange(4, dtype="f4").tobytes()
    assert decode(array(shape=(2, 2)), [numbers]).tolist() == [[0, 1], [2, 3]]
    assert decode({"scalar": 0, "dtype": "float64"}, [EIGHT]) == np.float64(0)


@pytest.mark.parametrize(
    ("dtype", "shape", "data"),
    [
        ("float32", [2], b""),
        ("float32", [2], bytes(7)),
        ("float32", [2], bytes(9)),
        ("float32", [], EIGHT),
        ("float32", [0], b"x"),
        *((name, [2], EIGHT) for name in ("object", "|O", "O", "<f4", "str", "<U4", "V4", "void")),
        *(
            (name, [2], EIGHT)
            for name in ("datetime64", "f4", "float", "intp", "", "\x00", "Float32")
        ),
        *((name, [2], EIGHT) for name in (None, 4, True, ["float32"], {"list": []})),
        *(("float32", shape, EIGHT) for shape in (2, "2", None, True, {"list": [2]}, {})),
        *(("float32", [side], EIGHT) for side in (2.0, True, "2", None, [2], -2, 2**64)),
        ("float32", [-1, -2], EIGHT),
        ("float32", [10**12], EIGHT),
        ("float32", [2**62, 4], EIGHT),
        ("float32", [2**64, 0], b""),
        ("float32", [0, 2**30], b""),
        ("float32", [2**48 - 1, 2**48 - 1, 0], b""),
        ("float32", [1] * 40, bytes(4)),
        ("float32", [1] * 100_000, bytes(4)),
    ],
)
def test_a_forged_array_is_refused(dtype, shape, data):
    for node in (
        {"array": 0, "dtype": dtype, "shape": shape},
        {"tensor": 0, "dtype": dtype, "shape": shape},
        {"scalar": 0, "dtype": dtype, "shape": shape},
    ):
        with pytest.raises(ValueRefused):
            decode(node, [data])


@pytest.mark.parametrize(
    "value",
    [torch.ones([1] * 40), np.empty((0, 2**40), "f4"), torch.empty(0, 2**31)],
    ids=["40 dimensions", "long and empty", "a long and empty tensor"],
)
def test_a_shape_that_would_be_refused_is_not_sent(value):
    with pytest.raises(ValueRefused, match="dimensions"):
        encode([value])


def test_a_bool_is_true_or_false_whatever_its_byte():
    sent = {"list": [array("bool", (3,)), {"tensor": 1, "dtype": "bool", "shape": [3]}]}
    one, other = decode(sent, [b"\x02\x00\xff"] * 2)
    assert one.tobytes() == b"\x01\x00\x01"
    assert other.view(torch.uint8).tolist() == [1, 0, 1]


def test_a_value_of_many_arrays_takes_as_long_as_its_bytes():
    """Whatever stands in a node: no part of it is parsed, so odd ones are the quicker ones."""

    def seconds(node, blobs):
        began = time.process_time()
        with contextlib.suppress(ValueRefused):
            decode(node, blobs)
        return time.process_time() - began

    count = Caps.blobs
    plain = [{"array": i, "dtype": "float64", "shape": [1]} for i in range(count)]
    honest = min(seconds({"list": plain}, [EIGHT] * count) for _ in range(3))
    long_sides = [{"array": i, "dtype": "int8", "shape": [1] * 32} for i in range(count)]
    wordy = [{"array": i, "dtype": "float64" * 1000, "shape": [1]} for i in range(count)]
    blob = b"\x93NUMPY\x01\x00\xff\x0f" + b"(1," * 1365
    for nodes, blobs in ((long_sides, [b"x"] * count), (wordy, [EIGHT] * count)):
        assert seconds({"list": nodes}, blobs) < 20 * honest + 1
    assert seconds({"list": plain}, [blob] * count) < 20 * honest + 1


NODES = [
    {},
    [],
    [1, 2],
    {"list": {}},
    {"list": "ab"},
    {"tuple": None},
    {"dict": [["a"]]},
    {"dict": [["a", 1, 2]]},
    {"dict": [[1, 1]]},
    {"dict": {"a": 1}},
    {"dict": [["a", 1], ["a", 2]]},
    {"dict": ["ab"]},
    {"float": 1.0},
    {"float": "NaN"},
    {"float": "infinity"},
    {"float": []},
    {"torch_dtype": "qint8"},
    {"torch_dtype": ["float32"]},
    {"torch_dtype": "load"},
    {"tensor": 0},
    {"tensor": 0, "dtype": "float32"},
    {"tensor": 0, "dtype": "float64", "shape": [2]},
    {"tensor": 0, "dtype": "bfloat16", "shape": [2]},
    {"tensor": 0, "dtype": "uint16", "shape": [4]},
    {"tensor": 0, "dtype": ["float32"], "shape": [2]},
    {"tensor": 0, "dtype": "float32", "shape": [2], "device": "cuda"},
    {"tensor": "0", "dtype": "float32", "shape": [2]},
    {"tensor": 0.0, "dtype": "float32", "shape": [2]},
    {"tensor": False, "dtype": "float32", "shape": [2]},
    {"dtype": "float32"},
    array() | {"array": 1},
    array() | {"array": -1},
    array() | {"array": True},
    array() | {"array": None},
    array(list=[]),
    {"array": 0},
    {"array": 0, "dtype": "bfloat16", "shape": [4]},
    {"scalar": 0},
    {"scalar": 0, "dtype": "float32"},
    {"scalar": 0, "dtype": "float64", "shape": []},
    {"list": [array(), array()]},
    {"list": []},
    {"handle": 1},
    {"handle": -1, "type": "x"},
    {"handle": 2**40, "type": "x"},
    {"handle": True, "type": "x"},
    {"handle": 1, "type": "x" * 61},
    {"handle": 1, "type": 4},
    {"unknown": 1},
    {"__class__": "x"},
    2**63,
    float("nan"),
    float("inf"),
    "\ud800",
    b"bytes",
    (1, 2),
]


@pytest.mark.parametrize("node", NODES, ids=repr)
def test_a_malformed_node_is_refused(node):
    with pytest.raises(ValueRefused):
        decode(node, [EIGHT])


def test_caps_hold():
    deep = 0
    for _ in range(SMALL.depth + 1):
        deep = {"list": [deep]}
    for node, blobs in (
        (deep, []),
        ({"list": [0] * SMALL.nodes}, []),
        ("x" * (SMALL.string + 1), []),
        ({"dict": [["x" * (SMALL.string + 1), 0]]}, []),
        ({"list": [array() | {"array": i} for i in range(9)]}, [EIGHT] * 9),
        (array(shape=(20000,)), [bytes(80000)]),
    ):
        with pytest.raises(ValueRefused):
            decode(node, blobs, SMALL)
    very_deep = 0
    for _ in range(5 * sys.getrecursionlimit()):
        very_deep = {"list": [very_deep]}
    with pytest.raises(ValueRefused):
        decode(very_deep, [])


TAGS = ["list", "tuple", "dict", "float", "tensor", "array", "scalar", "handle", "torch_dtype"]
ARRAYS = st.builds(
    lambda tag, dtype, shape: {tag: 0, "dtype": dtype, "shape": shape},
    st.sampled_from(["tensor", "array", "scalar"]),
    st.sampled_from([*DTYPES, "uint16", "object", "<f4"]),
    st.lists(st.integers(-1, 9), max_size=3),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "list",
                    "tuple",
                    "dict",
                    "float",
                    "tensor",
                    "array",
                    "scalar",
                    "handle",
                    "type",
                    "dtype",
                    "shape",
                    "torch_dtype",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(JSON, st.lists(st.binary(max_size=40) | st.just(EIGHT), max_size=3))
def test_whatever_arrives_is_a_value_or_refused(node, blobs):
    try:
        value = decode(node, blobs, SMALL)
    except ValueRefused:
        return
    same(decode(*encode(value, handle=lambda ref: None), SMALL), value)
