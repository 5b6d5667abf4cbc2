"""The decay is 1 − t/T, as if there had been no warm-up, so the rate jumps down at its peak.

Caught by: climbs_then_falls, schedule_at_every_step
"""


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    if t < warmup:
        return peak * (t + 1) / (warmup + 1)
    return peak * max(1 - t / total, 0.0)
