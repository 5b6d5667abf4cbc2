"""Processors as the data sheets have them, and rates measured on this machine."""

import time

import pytest
import torch

from introml.book.facts import fact
from introml.hardware import Peak, matmul_rates, processor, processors, seconds, this_cpu


def test_the_figures_of_an_h100_card_are_those_of_its_data_sheet():
    """By hand, from the sheet: 51 in fp32, 756 in TF32 with sparsity, 1,513 in bf16 with it."""
    card = processor("H100 PCIe")
    assert (card.kind, card.form_factor, card.bandwidth) == ("GPU", "PCIe card", 2.0e12)
    assert card.peaks["fp32", "dense"].flops == 51e12
    assert card.peaks["tf32", "sparse"].flops == 756e12
    assert card.peaks["bf16", "sparse"].flops == 1513e12
    assert card.peaks["tf32", "dense"].flops == pytest.approx(756e12 / 2)
    assert card.peaks["bf16", "dense"].flops == pytest.approx(1513e12 / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "numbers", "teraflops"),
    [
        ("Xeon 8558", ("fp32", "dense"), 48 * 2.1e-3 * 2 * 16 * 2),
        ("RTX 4090", ("fp32", "dense"), 82.6),
        ("RTX 4090", ("bf16", "dense"), 165.2),
        ("A100 SXM", ("tf32", "dense"), 156),
        ("A100 SXM", ("bf16", "sparse"), 624),
        ("H100 SXM", ("bf16", "dense"), 989.5),
        ("TPU v5e", ("bf16", "dense"), 197),
    ],
)
def test_units_times_clock_times_flops_a_cycle_is_the_peak(name, numbers, teraflops):
    peak = processor(name).peaks[numbers]
    assert peak.flops == pytest.approx(teraflops * 1e12)
    assert peak.product == pytest.approx(peak.flops, rel=0.01)


def test_no_product_without_all_factors():
    assert Peak(1e12).product is None
    assert Peak(1e12, units=10, clock=1e9).product is None
    assert processor("H200 SXM").peaks["bf16", "dense"].product is None


def test_a_sparse_peak_is_twice_the_dense_one():
    found = 0
    for each in processors():
        for (number, density), peak in each.peaks.items():
            if density == "sparse":
                found += 1
                assert peak.flops == pytest.approx(2 * each.peaks[number, "dense"].flops, rel=2e-3)
    assert found == 11


def test_what_was_reached_is_dense_and_of_the_right_size():
    for each in processors():
        if each.reached:
            assert 0.5 < each.reached / each.peaks["bf16", "dense"].flops < 1.1
    assert processor("H100 SXM").reached == fact("hardware.h100_sxm.bf16_reached") == 794.5e12


def test_a_processor_that_is_not_among_the_facts_is_refused_with_those_that_are():
    with pytest.raises(
        ValueError, match="no processor 'H100' among the facts; there are Xeon 8558"
    ):
        processor("H100")


def test_calls_are_timed_one_by_one_after_one_that_is_not_counted():
    calls = []
    took = seconds(lambda: calls.append(time.sleep(0.01)), times=3)
    assert len(calls) == 4
    assert len(took) == 3
    assert all(each >= 0.01 for each in took)
    with pytest.raises(ValueError, match="times is 0; at least one"):
        seconds(lambda: None, times=0)


def test_rates_are_flops_over_seconds_and_the_threads_stay(monkeypatch):
    monkeypatch.setattr("introml.hardware.perf_counter", iter(range(100)).__next__)
    before = torch.get_num_threads()
    assert matmul_rates(10, torch.bfloat16, threads=before + 1, times=2) == [2000.0, 2000.0]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("side", "threads"), [(0, 1), (8, 0)])
def test_no_product_without_a_side_and_a_thread(side, threads):
    with pytest.raises(ValueError, match="both must be at least 1"):
        matmul_rates(side, threads=threads)


def test_this_cpu_has_a_name_and_whole_lanes(tmp_path, monkeypatch):
    cpu = this_cpu()
    assert cpu.name
    assert cpu.lanes in (1, 4, 8, 16)
    text = "processor\t: 0\nmodel name\t: Some CPU @ 2.10GHz\ncpu MHz\t\t: 2100.5\n"
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr("introml.hardware.Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    assert this_cpu() == type(cpu)("Some CPU @ 2.10GHz", 2100.5e6, 8)
    (tmp_path / "cpuinfo").write_text("Hardware\t: unknown\n")
    assert this_cpu().clock is None
