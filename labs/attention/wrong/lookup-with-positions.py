"""Adds positions to the pairs, so that their order plays a part.

Caught by: lookup_ignores_order_and_padding
"""
# ruff: noqa: F821


# %% lookup_model
class LookupModel(nn.Module):
    def __init__(self, num_names, num_values, d, num_heads):
        super().__init__()
        self.question = nn.Embedding(num_names, d)
        self.name = nn.Embedding(num_names, d)
        self.value = nn.Embedding(num_values, d)
        self.attend = MultiHeadAttention(d, num_heads)
        self.read = nn.Linear(d, num_values)

    def forward(self, names, values, lengths, questions):
        pairs = self.name(names) + self.value(values)
        pairs = pairs + positions(names.shape[1], pairs.shape[-1])
        query = self.question(questions)[:, None]
        output, _ = self.attend(query, pairs, padding_mask(lengths, names.shape[1]))
        return self.read(output[:, 0])
