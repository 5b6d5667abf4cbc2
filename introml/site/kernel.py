"""Run one notebook in a kernel of its own: a fresh process, its folder, settings all alike."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from introml.site.beside import lay_out
from introml.site.failures import CellFailed, crash_frames, error_line

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager
    from nbformat import NotebookNode

#: Seconds that a kernel may take to start on a busy machine.
START_SECONDS = 120
#: Seconds that a cell gets to stop after it has been interrupted.
STOP_SECONDS = 5
#: One thread a page, on every machine and for every number of jobs: pages that run side by side do
#: not fight for cores, and sums are added up in the same order wherever the book is built. A page
#: that measures threads sets their number itself.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)
#: Variables of the caller's shell or test run that would show in the outputs. Without MPLBACKEND
#: the kernel takes the inline backend.
_NOT_PASSED_ON = {
    "MPLBACKEND", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PYTHONWARNINGS", "PYTHONSTARTUP",
    "PYTEST_CURRENT_TEST", "JPY_SESSION_NAME",
}  # fmt: skip


async def run_notebook(
    notebook: "NotebookNode",
    root: Path,
    folder: str,
    timeout: float,
    on_cell: Callable[[int], None],
) -> tuple[float, ...]:
    """Execute the notebook in place, widget state included; the seconds of each code cell.

    It runs in what looks like the `folder` of the book at `root`, and writes nothing there.

    `on_cell` is called with each code cell's number, from 1, as it starts. `timeout` is in seconds
    a cell. Raises `CellFailed`. Whatever happens, cancellation included, no process of the page is
    left.
    """
    with tempfile.TemporaryDirectory(prefix="introml-", ignore_cleanup_errors=True) as name:
        kernel = _Kernel(notebook, root, Path(name), timeout)
        place = lay_out(root, folder, Path(name) / "work")
        try:
            await kernel.start(place)
            seconds: list[float] = []
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    on_cell(len(seconds) + 1)
                    began = time.monotonic()
                    await kernel.run_cell(index, len(seconds) + 1)
                    seconds.append(time.monotonic() - began)
            kernel.finish()
            await kernel.close()
        finally:
            await kernel.kill()
    return tuple(seconds)


def environment(root: Path, folder: Path) -> dict[str, str]:
    """The kernel's environment: the caller's without what would show in outputs, settings added."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **kept,
        **_ONE_THREAD,
        "PYTHONHASHSEED": "0",
        # This checkout's introml, even if another checkout is installed.
        "PYTHONPATH": os.pathsep.join(paths),
        # The user's startup files and settings are not the book's.
        "IPYTHONDIR": str(folder / "ipython"),
        "TMPDIR": str(folder / "tmp"),
    }


class _Kernel:
    """The kernel of one page; its folder holds working directory, temporary files and sockets."""

    def __init__(self, notebook: "NotebookNode", root: Path, folder: Path, timeout: float) -> None:
        from nbclient import NotebookClient

        self._notebook, self._root, self._folder = notebook, root, folder
        self._timeout = timeout
        self._log, self._crash = folder / "kernel.log", folder / "crash.log"
        self._manager = _manager(folder)
        self._descendants: list[Any] = []
        self.client = NotebookClient(
            notebook,
            km=self._manager,
            startup_timeout=START_SECONDS,
            store_widget_state=True,
            record_timing=False,
            # Outputs that arrive late on a busy machine would otherwise be lost without a word.
            iopub_timeout=60,
            raise_on_iopub_timeout=True,
        )

    async def start(self, place: Path) -> None:
        (self._folder / "tmp").mkdir()
        try:
            with self._log.open("wb") as log:
                await self.client.async_start_new_kernel(
                    cwd=str(place),
                    env=environment(self._root, self._folder),
                    stdout=log,
                    stderr=log,
                )
            client = await self.client.async_start_new_kernel_client()
            # jupyter_client's types leave out what its decorator adds to a request.
            info: Any = client.kernel_info
            reply = await info(reply=True, timeout=START_SECONDS)
        except (RuntimeError, TimeoutError) as error:
            frames = _text(self._log).splitlines()[-20:]
            raise CellFailed(None, f"the kernel did not start: {error}", frames) from None
        # A crash in C code then leaves word of where it was; the kernel swallows standard error.
        dump = f"open({str(self._crash)!r}, 'w')"
        client.execute(f"__import__('faulthandler').enable({dump}, all_threads=False)", silent=True)
        self._notebook.metadata["language_info"] = reply["content"]["language_info"]

    async def run_cell(self, index: int, number: int) -> None:
        """Run a cell, unless it is empty or tagged to be skipped."""
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        cell = self._notebook.cells[index]
        count = self.client.code_cells_executed + 1
        running = asyncio.ensure_future(
            self.client.async_execute_cell(cell, index, execution_count=count)
        )
        # Its exception, if this coroutine is cancelled first, is nobody's concern.
        running.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            done, _ = await asyncio.wait({running}, timeout=self._timeout)
            if not done:
                await self._manager.interrupt_kernel()
                # A cell that stops says where it was.
                done, _ = await asyncio.wait({running}, timeout=STOP_SECONDS)
                frames = _error_frames(cell) if done else []
                limit = "the limit of execute.timeout in _config.yml"
                error = f"TimeoutError: stopped after {self._timeout:g} s, {limit}"
                raise CellFailed(number, error, frames, count)
            await running
        except CellExecutionError as failed:
            # The output knows the error better than the reply does if showing a value failed.
            known = _error(cell) or failed
            error = error_line(known.ename, known.evalue)
            raise CellFailed(number, error, _error_frames(cell), count) from None
        except CellTimeoutError:
            raise CellFailed(number, "TimeoutError: the cell's outputs did not arrive") from None
        except DeadKernelError:
            frames = crash_frames(_text(self._crash), count)
            raise CellFailed(number, self._death(), frames, count) from None
        finally:
            running.cancel()

    def finish(self) -> None:
        """Complete the notebook with the widgets' state, and tidy up its outputs."""
        self.client.set_widgets_metadata()
        # Not cell by cell: a later cell may replace what an earlier one displayed, by its place.
        for cell in self._notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = _joined(cell.outputs)

    async def close(self) -> None:
        """End the kernel in its own time, a few seconds, so that it runs its exit handlers."""
        self._descendants = _descendants(self._process())
        await self._manager.shutdown_kernel()

    async def kill(self) -> None:
        """End at once whatever is left of the kernel and of the processes that its page started."""
        process = self._process()
        group = getattr(self._manager.provisioner, "pid", None)
        self._descendants += _descendants(process)
        if group:
            # The kernel leads a process group, which outlives it while there are others in it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        for other in self._descendants:  # in groups of their own, as torchrun's workers are
            with contextlib.suppress(Exception):
                other.kill()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        if self.client.kc is not None:
            self.client.kc.stop_channels()
        await self._manager.cleanup_resources()

    def _process(self) -> Any:
        return getattr(self._manager.provisioner, "process", None)

    def _death(self) -> str:
        process = self._process()
        code = process.poll() if process is not None else None
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            guess = ": out of memory?" if -code == signal.SIGKILL else ""
            return f"the kernel died, killed by {name}{guess}"
        return f"the kernel died with exit status {code}"


def _manager(folder: Path) -> "AsyncKernelManager":
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(KernelSpecManager):
        """Pages run in the Python that builds the book, whatever kernels the machine has."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                display_name="Python 3 (ipykernel)",
                language="python",
            )

    # Sockets in the page's own folder: no ports for pages that start at once to race for, and
    # nobody else on the machine can connect. Their paths may have about a hundred characters.
    short = len(os.fsencode(folder)) < 80
    return AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=ThisPython(),
        transport="ipc" if short else "tcp",
        connection_file=str(folder / "kernel.json"),
    )


def _descendants(process: Any) -> list[Any]:
    import psutil

    if process is None:
        return []
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _error(cell: "NotebookNode") -> "NotebookNode | None":
    errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    return errors[-1] if errors else None


def _error_frames(cell: "NotebookNode") -> list[str]:
    error = _error(cell)
    return [] if error is None else list(error.traceback)


def _joined(outputs: list["NotebookNode"]) -> list["NotebookNode"]:
    """Outputs with neighbouring pieces of one stream as one: where pieces end is chance."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == "stream" and output.name == last.get("name"):
            last.text += output.text
        else:
            joined.append(output)
    return joined
