"""The recorded attention weights: whole, small, true to the model, and each quoted number right."""

import base64
import gzip
import importlib.util
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from introml.book.paths import ROOT
from introml.book.recordings import attention as recordings
from introml.models.encoder import SHA256, load_encoder

FILE = ROOT / "assets" / "recordings" / "attention.json"
GOLDEN = json.loads((ROOT / "tests" / "golden" / "encoder.json").read_text())
RECORDING = recordings.load()
NOTABLE = {notable["id"]: notable for notable in RECORDING["notable"]}
ROUNDING = 1 / 510 + 1e-6


@pytest.fixture(scope="module")
def script():
    path = ROOT / RECORDING["provenance"]["script"]
    spec = importlib.util.spec_from_file_location("record_attention", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made_again(script):
    return script.recording(load_encoder())


def stored_bytes(sentence: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(sentence["weights"]), np.uint8).astype(int)


def test_the_file_is_small_enough_to_ship_in_a_page():
    assert len(gzip.compress(FILE.read_bytes(), 9)) <= 150_000


def test_sentences_are_short_and_open_with_the_known_pair():
    texts = [sentence["text"] for sentence in RECORDING["sentences"]]
    assert texts[0] == "The animal didn't cross the street because it was too tired."
    assert texts[1] == "The animal didn't cross the street because it was too wide."
    assert len(set(texts)) == len(texts) == 10
    assert all(len(sentence["tokens"]) <= 16 for sentence in RECORDING["sentences"])


def test_provenance_names_the_weights_the_encoder_pins():
    provenance = RECORDING["provenance"]
    assert provenance["sha256"] == SHA256
    assert provenance["license"] == "Apache-2.0"
    assert "Apache License" in FILE.with_name("attention.LICENSE").read_text()
    assert 0 < provenance["quantization"]["largest_error"] <= ROUNDING


@pytest.mark.parametrize("index", range(10))
def test_weights_have_their_shape_and_rows_sum_to_one(index):
    T = len(RECORDING["sentences"][index]["tokens"])
    weights = recordings.weights(index)
    assert weights.shape == (6, 12, T, T)
    assert weights.dtype == np.float32
    assert weights.min() >= 0
    assert np.abs(weights.sum(-1, dtype=float) - 1).max() <= T / 510 + 1e-6


def test_recorded_weights_equal_transformers():
    golden = GOLDEN["sentences"][0]
    assert RECORDING["sentences"][0]["text"] == golden["text"]
    assert RECORDING["sentences"][0]["tokens"] == golden["tokens"]
    weights = recordings.weights(0)
    for name, expected in golden["heads"].items():
        layer, head = map(int, name.split("."))
        assert np.abs(weights[layer, head] - np.array(expected)).max() <= ROUNDING


def test_recording_again_gives_the_same_file(made_again):
    """On the machine that made it the bytes are equal; elsewhere a last digit may round over."""
    for old, new in zip(RECORDING["sentences"], made_again["sentences"], strict=True):
        assert (old["text"], old["tokens"]) == (new["text"], new["tokens"])
        assert np.abs(stored_bytes(old) - stored_bytes(new)).max() <= 1
    for old, new in zip(RECORDING["notable"], made_again["notable"], strict=True):
        assert (old["id"], old["layer"], old["head"]) == (new["id"], new["layer"], new["head"])
        assert new["value"] == pytest.approx(old["value"], abs=0.0011)
        for part in ("readings", "contrasts"):
            for was, now in zip(old[part], new[part], strict=True):
                assert now == {**was, "value": pytest.approx(was["value"], abs=0.0011)}
        pattern = r"\d\.\d{3}"  # the numbers; all other words are equal
        assert re.sub(pattern, "", old["claim"]) == re.sub(pattern, "", new["claim"])
    assert made_again.keys() == RECORDING.keys()


def test_weights_are_rounded_to_the_nearest_byte(script):
    weights = torch.tensor([0.0, 0.4 / 255, 0.6 / 255, 99.6 / 255, 1.0])
    assert script.quantize(weights).tolist() == [0, 0, 1, 100, 255]
    assert script.quantize(weights).dtype == torch.uint8


def test_the_script_is_deterministic(script, made_again):
    assert json.dumps(script.recording(load_encoder())) == json.dumps(made_again)


# The measures once more, one row at a time, from the bytes in the file: (sentence) -> (6, 12).
def rows(index, wanted):
    """Mean over the (query, key) pairs that `wanted(i, j, tokens)` accepts."""
    tokens, weights = RECORDING["sentences"][index]["tokens"], recordings.weights(index)
    T = len(tokens)
    pairs = [(i, j) for i in range(T) for j in range(T) if wanted(i, j, tokens)]
    return sum(weights[:, :, i, j] for i, j in pairs) / len(pairs) if pairs else None


def evenness(index):
    weights = recordings.weights(index)
    weights = weights / weights.sum(-1, keepdims=True)
    terms = [-w * math.log(w) if w > 0 else 0.0 for w in weights.ravel().tolist()]
    entropies = np.array(terms).reshape(weights.shape).sum(-1)
    return entropies.mean(-1) / math.log(weights.shape[-1])


MEASURES = {
    "previous-token": lambda s: rows(s, lambda i, j, t: i == j + 1),
    "next-token": lambda s: rows(s, lambda i, j, t: i == j - 1),
    "start": lambda s: rows(s, lambda i, j, t: i > 0 and t[j] == "[CLS]"),
    "end": lambda s: rows(s, lambda i, j, t: t[i] != "[SEP]" and t[j] == "[SEP]"),
    "same-token": lambda s: rows(s, lambda i, j, t: i != j and t[i] == t[j]),
    "even": evenness,
}


def check_ranking(notable, mean):
    """The head named is the best of the 72, the runner-up the second."""
    order = np.argsort(mean.ravel())[::-1]
    for named, place in ((notable, order[0]), (notable["runner_up"], order[1])):
        assert (named["layer"], named["head"]) == divmod(int(place), 12)
        assert named["value"] == pytest.approx(mean.ravel()[place], abs=0.003)


@pytest.mark.parametrize("name", MEASURES)
def test_each_pattern_head_is_the_best_of_all_and_its_numbers_are_right(name):
    notable = NOTABLE[name]
    found = {index: MEASURES[name](index) for index in range(10)}
    found = {index: value for index, value in found.items() if value is not None}
    check_ranking(notable, np.mean(list(found.values()), 0))
    assert [reading["sentence"] for reading in notable["readings"]] == list(found)
    for reading in notable["readings"]:
        value = found[reading["sentence"]][notable["layer"], notable["head"]]
        assert reading["value"] == pytest.approx(value, abs=0.003)
    lowest = min(reading["value"] for reading in notable["readings"])
    quoted = [float(number) for number in re.findall(r"\d\.\d{3}", notable["claim"])]
    assert quoted == [notable["value"], lowest]
    assert notable["claim"].startswith(f"Head {notable['layer']}.{notable['head']} ")


# (sentence, query, key) by hand: which noun each pronoun stands for.
LINKS = {
    "it-to-animal": ([(0, "it", "animal")], [(1, "it", "animal"), (1, "it", "street")]),
    "pronoun-to-thing": (
        [
            (0, "it", "animal"),
            (1, "it", "street"),
            (2, "it", "kite"),
            (3, "it", "box"),
            (4, "its", "bank"),
        ],
        [(6, "her", "anna"), (6, "he", "brother"), (7, "his", "boy")],
    ),
}


@pytest.mark.parametrize("name", LINKS)
def test_each_pronoun_head_is_the_best_of_all_and_its_numbers_are_right(name):
    notable = NOTABLE[name]
    found = []
    for part, links in zip(("readings", "contrasts"), LINKS[name], strict=True):
        assert len(notable[part]) == len(links)
        for reading, (index, query, key) in zip(notable[part], links, strict=True):
            tokens = RECORDING["sentences"][index]["tokens"]
            assert reading["sentence"] == index
            assert (tokens[reading["query"]], tokens[reading["key"]]) == (query, key)
            weights = recordings.weights(index)[:, :, reading["query"], reading["key"]]
            value = weights[notable["layer"], notable["head"]]
            assert reading["value"] == pytest.approx(value, abs=0.003)
            if part == "readings":
                found.append(weights)
    check_ranking(notable, np.mean(found, 0))


def test_the_quoted_numbers_of_the_pronoun_heads_are_those_of_their_readings():
    def values(name, part):
        return [reading["value"] for reading in NOTABLE[name][part]]

    def quoted(name):
        return [float(number) for number in re.findall(r"\d\.\d{3}", NOTABLE[name]["claim"])]

    animal = values("it-to-animal", "readings")
    assert quoted("it-to-animal") == animal + values("it-to-animal", "contrasts")
    things, people = values("pronoun-to-thing", "readings"), values("pronoun-to-thing", "contrasts")
    mean, low, high, people_mean = quoted("pronoun-to-thing")
    assert (low, high) == (min(things), max(things))
    assert mean == pytest.approx(np.mean(things), abs=0.0011)
    assert people_mean == pytest.approx(np.mean(people), abs=0.0011)


def test_the_weight_from_it_to_animal_is_that_of_transformers():
    tokens = GOLDEN["sentences"][0]["tokens"]
    expected = GOLDEN["sentences"][0]["heads"]["3.1"][tokens.index("it")][tokens.index("animal")]
    assert NOTABLE["it-to-animal"]["value"] == pytest.approx(expected, abs=0.0006)
    assert (NOTABLE["it-to-animal"]["layer"], NOTABLE["it-to-animal"]["head"]) == (3, 1)


@pytest.mark.parametrize("index", [-1, 10])
def test_a_sentence_that_was_not_recorded_is_refused(index):
    with pytest.raises(IndexError, match=f"no sentence {index}; 0 to 9 are recorded"):
        recordings.weights(index)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda stored: stored[:-1], r"has \d+ recorded weights; .* need"),
        (lambda stored: bytes([stored[0] ^ 128]) + stored[1:], r"sums to 1 ± 0\.\d+; rounding"),
    ],
    ids=["cut short", "one weight changed"],
)
def test_a_damaged_file_is_refused(monkeypatch, tmp_path, damage, message):
    recording = json.loads(FILE.read_text())
    sentence = recording["sentences"][4]
    sentence["weights"] = base64.b64encode(damage(base64.b64decode(sentence["weights"]))).decode()
    (tmp_path / "attention.json").write_text(json.dumps(recording))
    monkeypatch.setattr(recordings, "asset", lambda name: tmp_path / Path(name).name)
    with pytest.raises(ValueError, match=message):
        recordings.load()
