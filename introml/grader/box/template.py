"""The checker's side of a box: start a template, get boxes from it, end them.

with Template() as template, template.box(Limits(wall_s=60)) as box:
    box.send({"op": "run", "cell": "softmax", "source": "…"}, timeout_s=10)
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from introml.book.paths import ROOT
from introml.grader.box import bwrap, cgroups, owned
from introml.grader.box.boxes import Box, GraderFault
from introml.grader.box.limits import Limits

_START_S = 120.0
_BOX_START_S = 30.0
_END_S = 10.0
# Users that no distribution gives out (systemd's list of unused ranges): one for each box.
_FIRST_UID = 1_879_048_192
_UIDS_PER_CHECKER = 16
_ROOT = "introml-root-"
_WARM = ("torch._dynamo", "IPython.core.inputtransformer2")
_SANDBOXES = {"root": "namespaces", "user": "user namespaces", "bwrap": "bubblewrap, cold"}


class SandboxUnavailable(Exception):
    """This machine offers no box; the message says what to do."""


class Template:
    """One warm process that boxes are forked from.

    `isolated=False` runs the student's code without a box: for a teacher's own solution only.
    `preload` names modules to import once instead of in each box. `cold=True` takes the cold way
    at once, which is otherwise the last resort. Raises SandboxUnavailable.
    """

    def __init__(
        self,
        *,
        isolated: bool = True,
        compiler: bool = False,
        devices: Sequence[str] = (),
        preload: Sequence[str] = (),
        cold: bool = False,
    ) -> None:
        self._isolated = isolated
        self._cold = cold
        self._keepers: list[subprocess.Popen] = []
        self._setting = {
            "isolated": isolated,
            "compiler": compiler,
            "devices": _device_files(devices),
            "preload": [*_WARM, *preload],
        }
        self._process: subprocess.Popen | None = None
        self._sock: socket.socket | None = None
        self._place: str | None = None
        self._parents: cgroups.Parents | None = None
        self._owner = ""
        self._free: list[cgroups.Cgroup] = []
        first = _FIRST_UID + os.getpid() * _UIDS_PER_CHECKER
        self._uids = list(range(first, first + _UIDS_PER_CHECKER))
        self.kind = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process and wait until it is warm (1 to 2 s)."""
        if self._cold:
            self._start_cold("the cold way was asked for")
            return
        self._parents = cgroups.find_parents() if self._isolated else None
        if self._parents:
            cgroups.remove_stale(self._parents)
            folders = [str(folder) for folder in self._parents.folders]
            self._owner = cgroups.new_owner()
            self._setting |= {"group_parents": folders, "group_owner": self._owner}
        self._place = _new_place()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
            f"from introml.grader.box.template_process import main; main({theirs.fileno()})"
        )
        with tempfile.TemporaryFile() as errors:
            # -s -P: no packages of the user's, no modules from the folder it is started in.
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-c", code],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
            theirs.close()
            self._sock = ours
            ours.send(json.dumps({"place": self._place, **self._setting}).encode())
            try:
                message, _ = self._hear(_START_S)
            except GraderFault:
                message = {"error": "it ended"}
            errors.seek(0)
            said = errors.read()[-2000:].decode(errors="replace").strip()
        if "ready" not in message:
            self.close()
            if "refused" in message:
                self._start_cold(message["refused"])
                return
            raise GraderFault(f"the template did not start: {message.get('error')}\n{said}")
        self.kind = message["ready"]
        self._remove_place()  # it has become the root of the template's own view, without a name

    def _start_cold(self, why: str) -> None:
        """Without a warm process: each box is made by bwrap, if that works."""
        if not bwrap.available():
            raise SandboxUnavailable(_refusal(why))
        self._parents = None
        self.kind = "bwrap"

    def _keep(self, request: dict, fds: Sequence[int]) -> int:
        """Start the keeper of a cold box; return its pidfd."""
        requests, status, output = fds
        task = request | {
            "requests": requests,
            "status": status,
            "output": output,
            "compiler": self._setting["compiler"],
            "preload": self._setting["preload"],
            "environment": _environment(),
        }
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
            f"from introml.grader.box.bwrap import keep; keep({json.dumps(task)!r})"
        )
        keeper = subprocess.Popen(
            [sys.executable, "-s", "-P", "-c", code],
            pass_fds=list(fds),
            env=_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._keepers = [known for known in self._keepers if known.poll() is None] + [keeper]
        return os.pidfd_open(keeper.pid)

    def close(self) -> None:
        """End the template and every box of it."""
        for keeper in self._keepers:
            keeper.kill()
            keeper.wait()
        self._keepers.clear()
        if self._sock:
            self._sock.close()
            self._sock = None
        if self._process:
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        for group in self._free:
            group.remove()
        self._free.clear()
        self._remove_place()

    def _remove_place(self) -> None:
        if self._place:
            shutil.rmtree(self._place, ignore_errors=True)
            self._place = None

    @property
    def in_force(self) -> dict[str, Any]:
        """Which protections boxes of this template have, for the report."""
        isolated = self.kind in ("root", "user", "bwrap")
        group = f"cgroup v{self._parents.version}" if self._parents else None
        return {
            "sandbox": _SANDBOXES.get(self.kind, "none"),
            "namespaces": ["cgroup", "ipc", "mount", "net", "pid", "user", "uts"] * isolated,
            "user": "one for each box" if self.kind == "root" else "the grader's",
            "root": "read-only, Python and packages" if isolated else "the machine's",
            "seccomp": "a list of allowed calls" if isolated else False,
            "/proc": ("the machine's" if self._setting["devices"] else "still")
            if isolated
            else "the machine's",
            "memory": group or ("watched, and rlimit" if self.kind == "user" else "rlimit"),
            "processes": group or "rlimit",
            "processors": group if self._parents and self._parents.cpu else "not shared evenly",
            "threads": 1,
        }

    def box(
        self,
        limits: Limits | None = None,
        families: Sequence[str] = (),
        *,
        lab: str = "",
        device: str = "cpu",
        capture: bool = True,
        shift: int = 0,
    ) -> Box:
        """Start a box: a fresh process of the student's own, from which `families` are withheld.

        `lab` is the lab's title, for the words in which they are refused. Boxes with another
        `shift` have their objects at other addresses.
        """
        return Box(self, limits or Limits(), families, lab, device, capture, shift)

    # What boxes use.

    @property
    def tells_ends(self) -> bool:
        return self.kind != "bwrap"

    def ask(self, request: dict, fds: Sequence[int]) -> int:
        """Have a box forked; return a pidfd of its first process."""
        if self.kind == "bwrap":
            return self._keep(request, fds)
        if self._sock is None:
            raise GraderFault("the template has not been started")
        try:
            socket.send_fds(self._sock, [json.dumps(request).encode()], list(fds))
        except OSError as error:
            raise GraderFault(f"the template is gone: {error}") from None
        message, received = self._hear(_BOX_START_S)
        if "started" not in message:
            raise GraderFault(f"no box could be started: {message.get('error')}")
        return received[0]

    def _hear(self, timeout_s: float) -> tuple[dict, list[int]]:
        if self._sock is None:
            raise GraderFault("the template was closed")
        if not select.select([self._sock], [], [], timeout_s)[0]:
            raise GraderFault(f"the template was silent for {timeout_s:g} s")
        data, fds, _, _ = socket.recv_fds(self._sock, 1 << 16, 1)
        if not data:
            raise GraderFault("the template ended")
        for fd in fds:
            os.set_inheritable(fd, False)
        return json.loads(data), list(fds)

    def take(self, limits: Limits) -> tuple[int, cgroups.Cgroup | None]:
        """Reserve a user and a control group for a box."""
        if not self._uids:
            raise GraderFault(f"at most {_UIDS_PER_CHECKER} boxes at once")
        uid = self._uids.pop()
        if self._parents is None:
            return uid, None
        group = self._free.pop() if self._free else cgroups.Cgroup(self._parents, self._owner)
        try:
            group.limit(limits.memory_mb, limits.processes)
        except OSError as error:
            self._uids.append(uid)
            raise GraderFault(f"the control group of a box cannot be set: {error}") from None
        return uid, group

    def give_back(self, uid: int, group: cgroups.Cgroup | None, clean: bool) -> None:
        self._uids.append(uid)
        if group is not None and clean:
            self._free.append(group)
        elif group is not None:
            group.remove()


def _new_place() -> str:
    """An empty folder to build a root in, without those that killed checkers left."""
    folder = Path(tempfile.gettempdir())
    for path in owned.left_behind(folder, _ROOT):
        with contextlib.suppress(OSError):
            path.rmdir()
    return tempfile.mkdtemp(prefix=f"{owned.new_name(_ROOT)}-")


def _environment() -> dict[str, str]:
    """A clean environment: nothing of the grader's but how to compute."""
    kept = {
        name: os.environ[name]
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ATEN_CPU_CAPABILITY")
        if name in os.environ
    }
    return kept | {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TORCH_NUM_THREADS": "1",
    }


def _device_files(devices: Sequence[str]) -> list[str]:
    """Return the files through which a GPU is reached; refuses where there is none."""
    if not devices:
        return []
    import torch

    if not torch.cuda.is_available():
        raise SandboxUnavailable(
            f"no GPU can be bound ({', '.join(devices)}): torch sees no CUDA here. "
            "Grade without the cuda tier, or install a CUDA build of torch and its driver"
        )
    numbers = [int(device.removeprefix("cuda:") or 0) for device in devices]
    shared = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")
    return [*shared, *(f"/dev/nvidia{number}" for number in numbers)]


def _refusal(why: str) -> str:
    return (
        f"no sandbox can be made here ({why}). Grade as root, or allow user namespaces "
        "(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0), or "
        "install bubblewrap (Debian: apt install bubblewrap). --unsafe-no-sandbox runs a "
        "submission without protection: for your own solution only"
    )
