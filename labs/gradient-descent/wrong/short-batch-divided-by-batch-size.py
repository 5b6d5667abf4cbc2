"""Divides the gradient of the short last batch by batch_size, not by the examples in it.

Caught by: right_updates
"""
# ruff: noqa: F821


# %% train
def train(X, y, batch_size, epochs, peak, warmup):
    w, b = X.new_zeros(X.shape[1]), X.new_zeros(())
    total = epochs * math.ceil(len(X) / batch_size)
    losses = []
    for batches in shuffled_batches(len(X), batch_size, epochs):
        for batch in batches:
            lr = learning_rate(len(losses), peak, warmup, total)
            losses.append(mean_loss(X[batch], y[batch], w, b))
            share = len(batch) / batch_size
            w, b = update(X[batch], y[batch], w, b, lr * share)
    return w, b, torch.stack(losses)
