"""introml.parallel.ranks: results, prints and failures of ranks that are real processes."""

import multiprocessing
import os
import signal
import time

import pytest
import torch
import torch.distributed as dist

from introml.parallel.ranks import RankFailed, run_ranks


def test_results_come_in_the_order_of_the_ranks():
    def late_first(rank, factor):
        time.sleep(0.2 * (3 - rank))
        return factor * rank

    assert run_ranks(late_first, 4, 10) == [0, 10, 20, 30]


def test_ranks_are_one_group_of_torch_distributed():
    def summed(rank):
        x = torch.tensor([float(rank), 1.0])
        dist.all_reduce(x)
        return x.tolist(), dist.get_rank(), dist.get_world_size(), dist.get_backend()

    assert run_ranks(summed, 3) == [([3.0, 3.0], rank, 3, "gloo") for rank in range(3)]


def test_what_a_rank_prints_stands_behind_its_number(capsys):
    run_ranks(lambda rank: print(f"one of {rank}\ntwo"), 2)
    assert capsys.readouterr().out == (
        "[rank 0] one of 0\n[rank 0] two\n[rank 1] one of 1\n[rank 1] two\n"
    )


def test_one_rank_is_enough():
    assert run_ranks(lambda rank: rank, 1) == [0]


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count):
    with pytest.raises(ValueError, match="at least one rank"):
        run_ranks(lambda rank: rank, count)


def test_an_error_is_told_with_its_rank_and_line_though_others_wait_for_it():
    def divides(rank):
        if rank == 2:
            1 / 0  # noqa: B018
        dist.barrier()

    began = time.monotonic()
    with pytest.raises(RankFailed, match=r"(?s)rank 2 raised .*1 / 0.*ZeroDivisionError") as caught:
        run_ranks(divides, 4, timeout=60)
    assert caught.value.rank == 2
    assert "rank 0" not in str(caught.value)
    assert time.monotonic() - began < 30  # not the minute that it might have waited


@pytest.mark.parametrize(
    "leave", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(3)]
)
def test_a_death_is_told_with_its_cause_though_others_wait_for_it(leave):
    def dies(rank):
        if rank == 1:
            leave()
        dist.barrier()

    with pytest.raises(
        RankFailed, match=r"rank 1 died: (signal SIGKILL|exit status 3)\."
    ) as caught:
        run_ranks(dies, 3, timeout=60)
    assert caught.value.rank == 1


def test_what_a_rank_writes_past_python_is_told_if_it_dies_and_only_then(capfd):
    def writes(rank, dies):
        os.write(2, b"from far below\n")
        if dies:
            os._exit(3)

    run_ranks(writes, 2, False)
    assert "far below" not in "".join(capfd.readouterr())
    with pytest.raises(RankFailed, match=r"died: exit status 3\.\nfrom far below"):
        run_ranks(writes, 1, True)


def test_a_stall_is_told_with_the_line_where_each_late_rank_stood():
    def stalls(rank):
        if rank == 1:
            waits_for_ever()

    def waits_for_ever():
        time.sleep(600)

    with pytest.raises(RankFailed, match=r"(?s)rank 1 had not ended after 2 s\..*waits_for_ever"):
        run_ranks(stalls, 2, timeout=2)


def test_a_result_that_cannot_be_sent_is_an_error_of_its_rank():
    with pytest.raises(RankFailed, match=r"(?s)rank 0 raised .*pickle"):
        run_ranks(lambda rank: (lambda: rank) if rank == 0 else None, 2)


def test_no_process_is_left_behind():
    def stalls(rank):
        time.sleep(600 * (rank == 0))
        return os.getpid()

    with pytest.raises(RankFailed):
        run_ranks(stalls, 2, timeout=1)
    assert multiprocessing.active_children() == []
