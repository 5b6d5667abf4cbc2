"""introml.parallel.tensor_trials: what ranks send and keep is what the formulas say."""

import pytest

from introml.parallel.ranks import RankFailed
from introml.parallel.tensor_trials import WAYS, kept_bytes, run_mlp, sent_bytes

RANKS = {
    "1-D": (1, 2, 4),
    "1-D, tokens cut": (1, 2, 4),
    "2-D": (1, 4, 9),
    "2.5-D": (2, 8),
    "3-D": (1, 8),
}


@pytest.mark.parametrize(("way", "p"), [(way, p) for way in WAYS for p in RANKS[way]])
@pytest.mark.parametrize(("m", "h"), [(72, 36), (36, 72)])
def test_an_mlp_equals_one_process_and_its_bytes_those_of_the_formulas(way, p, m, h):
    trial = run_mlp(way, p, m, h)
    assert trial.error < 1e-12
    assert trial.sent == sent_bytes(way, p, m, h)
    if p > 1:  # of one rank alone, what is gathered or copied is what it has
        assert trial.kept == kept_bytes(way, p, m, h)


def test_a_way_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="take one of 1-D"):
        run_mlp("4-D", 4, 8, 8)
    with pytest.raises(RankFailed, match="8 ranks make no square"):
        run_mlp("2-D", 8, 8, 8)
