"""Leaves the names out of the pairs: the layer cannot find the one that is asked for.

Caught by: learns_to_look_up
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
        pairs = self.value(values)
        query = self.question(questions)[:, None]
        output, _ = self.attend(query, pairs, padding_mask(lengths, names.shape[1]))
        return self.read(output[:, 0])
