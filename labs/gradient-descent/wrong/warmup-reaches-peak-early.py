"""The warm-up is (t + 1)/W, so the peak comes one update too early.

Caught by: climbs_then_falls, schedule_at_every_step
"""


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    if t < warmup:
        return peak * (t + 1) / warmup
    return peak * max((total - t) / (total - warmup), 0.0)
