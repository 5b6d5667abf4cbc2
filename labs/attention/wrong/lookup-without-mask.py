"""Does not mask the padding, so rubbish is looked up too.

Caught by: lookup_ignores_order_and_padding, learns_to_look_up
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
        output, _ = self.attend(self.question(questions)[:, None], pairs)
        return self.read(output[:, 0])
