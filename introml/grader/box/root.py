"""The file system that a box sees: Python, its packages, the libraries they need; all read-only.

Built once for each template, which then lives in it; each box adds a private /tmp, /dev/shm and
/proc of its own. Nothing else of the machine has a name in it. Where Python itself is installed
below one of those folders, the box shows it there again: the way to it, read-only, and no more.
"""

import os
import site
import sys
import sysconfig
from pathlib import Path

from introml.grader.box import kernel

#: The folders that each box gets anew, empty and its own to write in.
OWN_FOLDERS = ("/tmp", "/dev/shm")
#: What a student's process sees as /proc. The kernel's own tells of the whole machine, and, in
#: smaps, whether anyone else has touched a page of a file: that carries words between boxes.
STILL_PROC = "/etc/proc"
DEVICES = ("null", "zero", "full", "urandom", "random")
_COMPILER = ("/usr/bin", "/usr/lib", "/usr/libexec", "/usr/include", "/etc/alternatives")
PASSWD = "root:x:0:0::/:/bin/false\nstudent:x:1000:1000::/tmp:/bin/false\n"
_MASK = """raise ModuleNotFoundError(
    "introml is not there where your work is graded: write out what you need of it", name="introml"
)
"""
GROUP = "root:x:0:\nstudent:x:1000:\n"


def folders(compiler: bool) -> list[Path]:
    """Return the folders of this machine that a box may read."""
    found = [
        *python_folders(),
        *_library_folders(),
        *(Path(name) for name in ("/lib64", "/usr/lib64") if not os.path.islink(name)),
    ]
    if compiler:
        found += [Path(name) for name in _COMPILER]
    return _outermost([path for path in found if path.is_dir() and not _holds_an_own_one(path)])


def _holds_an_own_one(path: Path) -> bool:
    """Whether to show a folder would show all of a folder that a box gets anew."""
    return any(Path(own).is_relative_to(path) for own in OWN_FOLDERS)


def python_folders() -> list[Path]:
    """Where Python's own modules and the installed packages lie."""
    own = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    return [*own, *_package_folders()]


def _package_folders() -> list[Path]:
    return [Path(name) for name in site.getsitepackages()]


def _library_folders() -> list[Path]:
    """The folders that the shared libraries loaded by now came from."""
    with open("/proc/self/maps") as file:
        names = {line.split(maxsplit=5)[5].strip() for line in file if line.count("/")}
    return sorted({Path(name).parent for name in names if ".so" in name and name[0] == "/"})


def _outermost(paths: list[Path]) -> list[Path]:
    """Without doubles, and without a folder that lies in another one of them."""
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def build(place: str, compiler: bool = False, devices: tuple[str, ...] = ()) -> None:
    """Build the root at `place`, an empty folder, and move this mount namespace into it.

    The caller has a mount namespace of its own, in a process namespace that `/proc` may show.
    """
    os.umask(0o022)  # the student must find the way, also where a hub keeps its files to itself
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount(
        "tmpfs", place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,nr_inodes=4k,mode=755"
    )
    shown = folders(compiler)
    for path in shown:
        _show(place, path)
    _mask_package(place)
    links, interpreter = interpreter_links()
    for link, target in [*system_links(), *links]:
        if not os.path.lexists(place + link):
            os.makedirs(os.path.dirname(place + link), exist_ok=True)
            os.symlink(target, place + link)
    _show(place, Path(interpreter))
    for name in ("/etc/ld.so.cache", f"{sys.prefix}/pyvenv.cfg"):
        if os.path.exists(name):
            _show(place, Path(name))
    _write(place + "/etc/passwd", PASSWD)
    _write(place + "/etc/group", GROUP)
    _write(f"{place}{STILL_PROC}/cpuinfo", Path("/proc/cpuinfo").read_text())
    # Read-only, a device can be written to, but its time of change is the machine's.
    for name in DEVICES:
        _show(place, Path("/dev") / name, kernel.ATTR_NOSUID | kernel.ATTR_RDONLY)
    for name in devices:
        _show(place, Path(name), kernel.ATTR_NOSUID)
    for name in ("/proc", *OWN_FOLDERS):
        os.makedirs(place + name, exist_ok=True)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", place + "/proc", "proc", flags)
    kernel.pivot(place)
    kernel.set_attributes("/", kernel.ATTR_RDONLY, recursive=False)


def renew_own_folders(options: str, runnable: bool = False) -> None:
    """In a box's mount namespace: mount its own folders, and in them the way to Python again.

    What the root has below such a folder was put there by `build`, so it is all that is shown.
    Only if `runnable` can programs that lie in them be run, which only a compiler makes.
    """
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | (0 if runnable else kernel.MS_NOEXEC)
    for folder in OWN_FOLDERS:
        shown = os.listdir(folder)
        os.chdir(folder)  # from here, what the mount covers still has a name
        kernel.mount("tmpfs", folder, "tmpfs", flags, options)
        for name in shown:
            target = f"{folder}/{name}"
            if os.path.islink(name):
                os.symlink(os.readlink(name), target)
                continue
            if os.path.isdir(name):
                os.mkdir(target)
            else:
                _write(target, "")
            kernel.bind(name, target)
    os.chdir("/")


def _show(
    place: str,
    path: Path,
    attributes: int = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV,
) -> None:
    target = place + str(path)
    if path.is_dir():
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        _write(target, "")
    kernel.bind(str(path), target, attributes)


def _mask_package(place: str) -> None:
    """Hide this package where it is installed among the others."""
    for path in _package_folders():
        if (path / "introml").is_dir():
            target = f"{place}{path}/introml"
            kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NODEV, "size=16k,mode=755")
            _write(f"{target}/__init__.py", _MASK)
            kernel.set_attributes(target, kernel.ATTR_RDONLY | kernel.ATTR_NOSUID)


def system_links() -> list[tuple[str, str]]:
    """Return the symbolic links at the root by which libraries are found, and their targets."""
    names = ("/lib", "/lib64", "/lib32", "/usr/lib64")
    return [(name, os.readlink(name)) for name in names if os.path.islink(name)]


def interpreter_links() -> tuple[list[tuple[str, str]], str]:
    """Return the links by which this interpreter is reached, and the file that it is."""
    path = sys.executable
    links: list[tuple[str, str]] = []
    while os.path.islink(path) and len(links) < 10:
        links.append((path, os.readlink(path)))
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    return links, path


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
