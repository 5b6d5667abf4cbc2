"""Counts the updates of each epoch from zero, so the schedule starts anew with every epoch.

Caught by: right_updates
"""
# ruff: noqa: F821


# %% train
def train(X, y, batch_size, epochs, peak, warmup):
    w, b = X.new_zeros(X.shape[1]), X.new_zeros(())
    total = epochs * math.ceil(len(X) / batch_size)
    losses = []
    for batches in shuffled_batches(len(X), batch_size, epochs):
        for t, batch in enumerate(batches):
            lr = learning_rate(t, peak, warmup, total)
            losses.append(mean_loss(X[batch], y[batch], w, b))
            w, b = update(X[batch], y[batch], w, b, lr)
    return w, b, torch.stack(losses)
