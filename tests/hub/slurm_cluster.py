"""A real Slurm for tests: munge, a controller and two one-processor nodes, all on loopback.

Everything lies in one new folder with its own configuration, and is ended by process id. It takes
root: Slurm starts jobs as other users.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_CONF = """\
ClusterName=introml
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SlurmctldPort={port}
SlurmctldParameters=enable_configless
ProctrackType=proctrack/{tracking}
TaskPlugin=task/{task}
JobAcctGatherType=jobacct_gather/{gather}
JobAcctGatherFrequency=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=10
MinJobAge=300
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n[1-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=1 \
RealMemory=6000 Gres=gpu:fake:1 State=UNKNOWN
PartitionName=lab Nodes=n[1-2] Default=YES MaxTime=60:00 DefMemPerCPU=1000 State=UP
PartitionName=one Nodes=n1 MaxTime=60:00 DefMemPerCPU=1000 State=UP
"""
_CGROUP = """\
CgroupPlugin={plugin}
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=yes
ConstrainRAMSpace=yes
ConstrainSwapSpace=yes
AllowedSwapSpace=0
ConstrainCores=no
ConstrainDevices=no
"""
_GRES = "NodeName=n[1-2] Name=gpu Type=fake File=/dev/null\n"
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
NODES = ("n1", "n2")


class SlurmMissing(RuntimeError):
    """Slurm cannot be had here; the text says what brings it."""


class SlurmCluster:
    """Use it in a `with` block. `limits` says whether memory limits are enforced, and by what."""

    def __init__(self) -> None:
        missing = [name for name in _PROGRAMS if _program(name) is None]
        if missing:
            raise SlurmMissing(
                f"the hub's tests need Slurm and munge; {', '.join(missing)} cannot be found. "
                "Debian: sudo apt install slurm-wlm munge"
            )
        if os.geteuid():
            raise SlurmMissing("a Slurm of the tests' own takes root: it starts jobs as others")
        self.folder = Path(tempfile.mkdtemp(prefix="introml-slurm-"))
        self.folder.chmod(0o755)
        self.limits = ""
        self._cgroups_before = _cgroups()
        self._processes: dict[str, subprocess.Popen] = {}
        self._environment = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "SLURM_CONF": str(self.conf),
        }

    @property
    def conf(self) -> Path:
        return self.folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands need, to be laid over another environment."""
        return {"SLURM_CONF": str(self.conf), "PATH": self._environment["PATH"]}

    def __enter__(self) -> SlurmCluster:
        try:
            self._start_munge()
            for plugin in (_cgroup_plugin(), ""):
                if self._start(plugin):
                    break
                self._end_all(but="munged")
            else:
                raise RuntimeError(f"Slurm does not start:\n{self.logs()}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            if "slurmctld" in self._processes:
                self.run("scancel", "--user", "root")
                wait_for(lambda: not self.run("squeue", "-h"), 15, "the end of all jobs")
        self._end_all()
        for name in self._cgroups_before ^ _cgroups():
            with contextlib.suppress(OSError):
                _remove_cgroup(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, stdin: str | None = None) -> str:
        """What one of Slurm's commands says. Raises `CalledProcessError`."""
        done = subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True,
            timeout=60, input=stdin,
        )  # fmt: skip
        return done.stdout

    def states(self, name: str = "") -> dict[str, str]:
        """The states of the jobs that Slurm knows, the ended ones too, by id; array by array."""
        named = ["--name", name] if name else []
        said = self.run("squeue", "-h", "--array", "--states=all", "-o", "%i %T", *named)
        return dict(line.split() for line in said.splitlines())

    def job(self, ident: str) -> dict[str, str]:
        """All that `scontrol` tells of a job."""
        words = self.run("scontrol", "show", "job", ident).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def node_state(self, node: str) -> str:
        return self.run("sinfo", "-h", "-N", "-n", node, "-o", "%T").split()[0]

    def kill_node(self, node: str) -> None:
        """The machine goes, as when its power fails: the daemon and all that runs under it."""
        daemon = psutil.Process(self._processes[node].pid)
        family = [*daemon.children(recursive=True), *_steps_of(node, self.folder)]
        below = [child for one in family for child in _children(one)]
        for one in [daemon, *family, *below]:
            with contextlib.suppress(psutil.Error):
                one.kill()
        self._processes.pop(node).wait()

    def start_node(self, node: str) -> None:
        self._daemon(node, "slurmd", "-D", "-N", node, "-f", str(self.conf))
        wait_for(lambda: self.node_state(node) in ("idle", "mixed", "allocated"), 30, node)

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(
            f"{path.name}:\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        names = ("key", "socket", "pid", "log", "seed")
        key_file, sock, pid, log, seed = (str(self.folder / f"munge.{name}") for name in names)
        self._daemon(
            "munged", "munged", "--foreground", "--force", f"--key-file={key_file}",
            f"--socket={sock}", f"--pid-file={pid}", f"--log-file={log}", f"--seed-file={seed}",
        )  # fmt: skip
        wait_for(lambda: Path(sock).exists(), 10, "munge")

    def _start(self, plugin: str) -> bool:
        port, first, last = _free_ports()
        self.conf.write_text(
            _CONF.format(
                folder=self.folder, port=port, first=first, last=last,
                tracking="cgroup" if plugin else "linuxproc",
                task="cgroup" if plugin else "none",
                gather="cgroup" if plugin else "linux",
            )
        )  # fmt: skip
        (self.folder / "gres.conf").write_text(_GRES)
        (self.folder / "cgroup.conf").write_text(_CGROUP.format(plugin=plugin) if plugin else "")
        (self.folder / "state").mkdir(exist_ok=True)
        self._daemon("slurmctld", "slurmctld", "-D", "-c", "-f", str(self.conf))
        for node in NODES:
            self._daemon(node, "slurmd", "-D", "-c", "-N", node, "-f", str(self.conf))
        try:
            for node in NODES:
                wait_for(lambda node=node: self.node_state(node) == "idle", 20, node)
            self.run("srun", "--time=1", "--mem=100M", "true")
        except (TimeoutError, subprocess.SubprocessError):
            return False
        self.limits = f"enforced by {plugin}" if plugin else "not enforced: no usable cgroups here"
        return True

    def _daemon(self, name: str, program: str, *options: str) -> None:
        with (self.folder / f"{name}.out.log").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                [_program(program), *options], env=self._environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True, cwd=self.folder,
            )  # fmt: skip

    def _end_all(self, but: str = "") -> None:
        steps = [step for node in NODES for step in _steps_of(node, self.folder)]
        for name in [name for name in self._processes if name != but][::-1]:
            process = self._processes.pop(name)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for one in [*steps, *(child for step in steps for child in _children(step))]:
            with contextlib.suppress(psutil.Error):
                one.kill()


def wait_for(ready: Callable[[], object], limit_s: float, what: str) -> None:
    """Wait until `ready()` is true. Raises `TimeoutError`, which names `what`."""
    deadline = time.monotonic() + limit_s
    while True:
        with contextlib.suppress(subprocess.SubprocessError, IndexError):
            if ready():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {limit_s:g} s")
        time.sleep(0.1)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _steps_of(node: str, folder: Path) -> list[psutil.Process]:
    """The `slurmstepd` processes of a node of this cluster: they are no children of its daemon."""
    log = str(folder / f"slurmd.{node}.log")
    found = []
    for one in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error, OSError):
            if (one.info["cmdline"] or [""])[0].startswith("slurmstepd"):
                # A step writes to the log of the daemon that started it.
                links = Path(f"/proc/{one.pid}/fd").iterdir()
                if any(os.readlink(link) == log for link in links):
                    found.append(one)
    return found


def _cgroups() -> set[Path]:
    """The control groups of Slurm's daemons on this machine."""
    return set(Path("/sys/fs/cgroup").glob("*/slurm_*"))


def _remove_cgroup(folder: Path) -> None:
    for inner in sorted(folder.rglob("*/"), reverse=True):
        inner.rmdir()
    folder.rmdir()


def _cgroup_plugin() -> str:
    if Path("/sys/fs/cgroup/memory/tasks").exists():
        return "cgroup/v1"
    return "cgroup/v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else ""


def _free_ports() -> tuple[int, int, int]:
    """A free port, and two free ones in a row, below those that the kernel gives away itself."""
    for base in range(16_810, 30_000, 7):
        sockets = []
        try:
            for port in range(base, base + 3):
                one = socket.socket()
                sockets.append(one)
                one.bind(("127.0.0.1", port))
            return base, base + 1, base + 2
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise RuntimeError("no free ports")


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
