"""Notes the loss of a batch after the update that was made to lower it.

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
            w, b = update(X[batch], y[batch], w, b, lr)
            losses.append(mean_loss(X[batch], y[batch], w, b))
    return w, b, torch.stack(losses)
