"""The sentences are as many as is said, differ, and hold their word exactly once."""

import re
from collections import Counter

from introml.data import word_senses


def test_each_sense_of_each_word_has_six_sentences():
    uses = word_senses.load()
    counts = Counter((use.word, use.sense) for use in uses)
    assert set(counts.values()) == {6}
    assert set(counts) == {(w, s) for w in ("bank", "mouse", "bat", "spring") for s in (0, 1)}
    assert len({use.sentence for use in uses}) == 48


def test_each_sentence_has_its_word_once():
    for use in word_senses.load():
        assert len(re.findall(rf"\b{use.word}\b", use.sentence, re.IGNORECASE)) == 1
