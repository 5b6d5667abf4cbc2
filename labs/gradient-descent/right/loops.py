"""The lab on gradient descent solved by loops over examples, features, steps and batches.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% mean_loss
def predict(X, w, b):
    predictions = []
    for row in X:
        predictions.append((row * w).sum() + b)
    return torch.stack(predictions)


def mean_loss(X, y, w, b):
    loss = torch.zeros((), dtype=X.dtype)
    for prediction, target in zip(predict(X, w, b), y, strict=True):
        loss += (prediction - target) ** 2 / 2
    return loss / len(y)


# %% gradient
def gradient(X, y, w, b):
    dw, db = torch.zeros(len(w), dtype=X.dtype), torch.tensor(0.0, dtype=X.dtype)
    for row, target in zip(X, y, strict=True):
        error = row.dot(w) + b - target
        dw += error * row
        db += error
    dw /= len(y)
    db /= len(y)
    return dw, db


# %% update
def update(X, y, w, b, lr):
    dw, db = gradient(X, y, w, b)
    w, b = w.clone(), b.clone()
    w -= lr * dw
    b -= lr * db
    return w, b


# %% descend
def descend(X, y, w, b, lr, steps):
    path = torch.zeros(steps + 1, len(w) + 1, dtype=X.dtype)
    for step in range(steps + 1):
        for j in range(len(w)):
            path[step, j] = w[j]
        path[step, len(w)] = b
        if step < steps:
            w, b = update(X, y, w, b, lr)
    return path


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    result = []
    for _ in range(epochs):
        order, epoch = torch.randperm(n).tolist(), []
        while order:
            epoch.append(torch.tensor(order[:batch_size]))
            order = order[batch_size:]
        result.append(epoch)
    return result


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    rate = 0.0
    if t < warmup:
        for _ in range(t + 1):
            rate += peak / (warmup + 1)
    else:
        for _ in range(t, total):
            rate += peak / (total - warmup)
    return rate


# %% train
def train(X, y, batch_size, epochs, peak, warmup):
    w, b = torch.zeros(X.size(1), dtype=X.dtype), torch.zeros(1, dtype=X.dtype)[0]
    total = 0
    for start in range(0, len(X), batch_size):
        total += epochs * (start < len(X))
    t, losses = 0, []
    for _ in range(epochs):
        for batch in shuffled_batches(len(X), batch_size, 1)[0]:
            rows, targets = [], []
            for i in batch.tolist():
                rows.append(X[i])
                targets.append(y[i])
            rows, targets = torch.stack(rows), torch.stack(targets)
            losses.append(mean_loss(rows, targets, w, b).item())
            w, b = update(rows, targets, w, b, learning_rate(t, peak, warmup, total))
            t += 1
    return w, b, torch.tensor(losses, dtype=X.dtype)
