"""Several ranks on one machine: a function in n processes at once, and a page never hangs on it."""

import contextlib
import faulthandler
import io
import os
import pickle
import signal
import socket
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import FileStore

PATIENCE = 20.0
"""Seconds that all ranks together may take, unless a caller says otherwise."""
GLOO_LOST_A_PEER = "gloo/transport"
"""Stands in the error that a rank gets because another one ended."""
LAST_WORDS = 0.3
"""Seconds that the others get after the first failure, to tell of their own."""


class RankFailed(RuntimeError):
    """A rank raised an error, died, or was late; the message has its number and its traceback.

    `rank` is the first that failed.
    """

    def __init__(self, rank: int, message: str) -> None:
        super().__init__(message)
        self.rank = rank


@dataclass
class _Report:
    """What a rank sends home: its result or the traceback of its error, and what it printed."""

    result: Any
    printed: str
    error: str | None


def run_ranks(
    function: Callable[..., Any], count: int, *arguments: Any, timeout: float = PATIENCE
) -> list[Any]:
    """The results of `function(rank, *arguments)` on ranks 0 … count − 1, in their order.

    Each rank is a forked process in one group of torch.distributed over gloo, so `function` may be
    one that a notebook's cell defines. What a rank prints is printed here, behind its number.
    Raises `ValueError` for a count below 1, and `RankFailed` as soon as a rank raises an error or
    dies, or when `timeout` seconds are over: then with where each late rank stood.
    Taught in {ref}`sec-data-parallel`.
    """
    if count < 1:
        raise ValueError(f"count is {count}; there must be at least one rank.")
    context = get_context("fork")
    with tempfile.TemporaryDirectory(prefix="introml-ranks-") as folder:
        processes: list[BaseProcess] = []
        homes: list[Connection] = []
        for rank in range(count):
            here, there = context.Pipe(duplex=False)
            work = (function, rank, count, arguments, there, Path(folder), timeout)
            processes.append(context.Process(target=_be_rank, args=work, daemon=True))
            processes[-1].start()
            there.close()
            homes.append(here)
        try:
            reports, died = _collect(homes, processes, timeout)
        finally:
            for process in processes:
                process.kill()
                process.join()
        _tell(reports)
        _raise_first_failure(reports, died, Path(folder), timeout)
    return [report.result for report in reports if report]


def _be_rank(
    function: Callable[..., Any],
    rank: int,
    count: int,
    arguments: tuple[Any, ...],
    home: Connection,
    folder: Path,
    timeout: float,
) -> None:
    # What C++ writes goes past Python's streams: it is shown only if the rank dies.
    os.dup2(os.open(folder / f"noise-{rank}", os.O_WRONLY | os.O_CREAT), 2)
    torch.set_num_threads(1)  # a forked child has no OpenMP team, and would wait for one for ever
    os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    place = (folder / f"stack-{rank}").open("w")
    faulthandler.dump_traceback_later(max(0.1, timeout - 0.2), file=place)
    printed = io.StringIO()
    result, error = None, None
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        warnings.simplefilter("ignore")
        try:
            store = FileStore(str(folder / "store"), count)
            dist.init_process_group("gloo", store=store, rank=rank, world_size=count)
            result = function(rank, *arguments)
            dist.barrier()  # nobody hangs up while another still listens
            dist.destroy_process_group()
        except BaseException:  # SystemExit too: whatever ends a rank is told
            error = traceback.format_exc()
    faulthandler.cancel_dump_traceback_later()
    try:
        report = pickle.dumps(_Report(result, printed.getvalue(), error))
    except Exception:  # a result that can't be sent is this rank's error, not silence
        report = pickle.dumps(_Report(None, printed.getvalue(), traceback.format_exc()))
    # Connection.send would hand over a tensor's memory, which ends with this process: bytes go.
    home.send_bytes(report)
    home.close()
    os._exit(0)  # no handler of the parent's runs a second time


def _loopback() -> str:
    """The name of the interface that reaches this machine alone: lo on Linux, lo0 on a Mac."""
    names = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    return names[0] if names else "lo"


def _collect(
    homes: list[Connection], processes: list[BaseProcess], timeout: float
) -> tuple[list[_Report | None], dict[int, str]]:
    """Each rank's report, None of one that is late; and how those died that will not report."""
    reports: list[_Report | None] = [None] * len(homes)
    died: dict[int, str] = {}
    waiting = {home: rank for rank, home in enumerate(homes)}
    end = time.monotonic() + timeout
    while waiting and (left := end - time.monotonic()) > 0:
        for home in wait(list(waiting), left):
            assert isinstance(home, Connection)
            rank = waiting.pop(home)
            try:
                reports[rank] = pickle.loads(home.recv_bytes())
            except (EOFError, ConnectionResetError):
                processes[rank].join(1)
                died[rank] = _how(processes[rank].exitcode)
            report = reports[rank]
            if report is None or report.error:
                end = min(end, time.monotonic() + LAST_WORDS)
    return reports, died


def _tell(reports: list[_Report | None]) -> None:
    for rank, report in enumerate(reports):
        for line in report.printed.splitlines() if report else []:
            print(f"[rank {rank}] {line}")


def _raise_first_failure(
    reports: list[_Report | None], died: dict[int, str], folder: Path, timeout: float
) -> None:
    """Deaths, else errors of a rank's own, else what follows of another's, else the late."""
    deaths = {
        rank: f"rank {rank} died: {how}.{_last_lines(folder / f'noise-{rank}')}"
        for rank, how in died.items()
    }
    raised = {
        rank: f"rank {rank} raised an error:\n{report.error}"
        for rank, report in enumerate(reports)
        if report and report.error
    }
    own = {rank: text for rank, text in raised.items() if GLOO_LOST_A_PEER not in text}
    late = {
        rank: f"rank {rank} had not ended after {timeout:g} s. It stood here:\n"
        + (folder / f"stack-{rank}").read_text()
        for rank, report in enumerate(reports)
        if report is None
    }
    failures = deaths or own or raised or late
    if failures:
        raise RankFailed(min(failures), "\n".join(failures.values()))


def _last_lines(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()[-5:] if path.exists() else []
    return "".join(f"\n{line}" for line in lines)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"
