"""Lets the straight line go on below zero after the last update.

Caught by: schedule_at_every_step
"""


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    if t < warmup:
        return peak * (t + 1) / (warmup + 1)
    return peak * (total - t) / (total - warmup)
