"""Hands the schedule the number of the epoch in place of that of the update.

Caught by: right_updates
"""
# ruff: noqa: F821


# %% train
def train(X, y, batch_size, epochs, peak, warmup):
    w, b = X.new_zeros(X.shape[1]), X.new_zeros(())
    total = epochs * math.ceil(len(X) / batch_size)
    losses = []
    for epoch, batches in enumerate(shuffled_batches(len(X), batch_size, epochs)):
        for batch in batches:
            lr = learning_rate(epoch, peak, warmup, total)
            losses.append(mean_loss(X[batch], y[batch], w, b))
            w, b = update(X[batch], y[batch], w, b, lr)
    return w, b, torch.stack(losses)
