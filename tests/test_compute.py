"""The figures of GPUs and trainings: dense peaks, units, and trainings near 6ND."""

import pytest

from introml.compute import gpu, gpus, trained_models


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("A100 SXM", 312),
        ("H100 PCIe", 756),
        ("H100 SXM", 989.5),
        ("H200 SXM", 989.5),
        ("B200 SXM", 2250),
    ],
)
def test_peaks_are_the_dense_ones(name, tflops):
    assert gpu(name).peak == tflops * 1e12


def test_what_counts_skipped_zeros_is_twice_as_much():
    for each in gpus():
        assert each.sparse_peak / each.peak == pytest.approx(2, rel=1e-3)


def test_units_are_those_of_single_gpus():
    """A slip of a thousand, bits for bytes, or the power of a whole board would leave these."""
    for each in gpus():
        assert 1e12 < each.bandwidth < 1e13
        assert 70e9 < each.memory < 200e9
        assert 300 <= each.power <= 1000
        assert 100 < each.peak / each.bandwidth < 400  # FLOPs for each byte read


def test_published_trainings_are_within_a_fifth_of_6nd():
    models = trained_models()
    assert len(models) == 5
    for model in models:
        assert model.flops / (6 * model.parameters * model.tokens) == pytest.approx(1, abs=0.2)


def test_trainings_come_in_the_order_of_their_flops():
    flops = [model.flops for model in trained_models()]
    assert flops == sorted(flops)


def test_an_unknown_gpu_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no GPU 'H100'.*A100 SXM, H100 PCIe, H100 SXM"):
        gpu("H100")
