"""The warm-up is t/W: the first update has a rate of zero and is wasted.

Caught by: climbs_then_falls, schedule_at_every_step
"""


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    if t < warmup:
        return peak * t / warmup
    return peak * max((total - t) / (total - warmup), 0.0)
