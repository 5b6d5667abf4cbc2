"""Runs Python in a copy of this checkout that lies elsewhere, as whoever owns it there or not.

    python checkout_elsewhere.py [--umask 077] [--owner root] [--user root] PLACE ARGUMENTS …

In a mount namespace of its own, so nothing is left behind: the top of PLACE (/home, /opt, /tmp,
/dev/shm) is an empty file system with the copy in it, this checkout is hidden, and the packages
are those of this interpreter, in the copy's .venv. Started by root, the command runs as an
ordinary user, or as root with `--user root`; started by anybody else, as they are.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from ordinary_user import ROOT, USER, become, kernel, open_the_way


def own_mounts() -> None:
    """Enter a mount namespace in which this process may mount."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        kernel.unshare(kernel.NEWNS)
    else:
        kernel.unshare(kernel.NEWUSER | kernel.NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)


def files_of_the_checkout() -> list[str]:
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others"]
    names = subprocess.check_output([*listing, "--exclude-standard"], text=True).split("\0")
    return [name for name in names if (ROOT / name).is_file()]


def move_to(place: Path, umask: int, owner: int) -> None:
    """Copy the checkout to `place`, below which there is nothing else, and hide this one."""
    names = files_of_the_checkout()
    here, packages = os.open(ROOT, os.O_PATH), os.open(sys.prefix, os.O_PATH)
    top = Path("/dev/shm") if place.is_relative_to("/dev/shm") else Path(*place.parts[:2])
    shared = top in (Path("/dev/shm"), Path("/tmp"))
    open_the_way(Path(sys.base_prefix).resolve())
    kernel.mount("tmpfs", str(top), "tmpfs", 0, f"mode={'1777' if shared else '755'}")
    os.umask(umask)
    place.mkdir(parents=True)
    for name in names:
        source, target = Path(f"/proc/self/fd/{here}", name), place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        target.chmod(source.stat().st_mode & 0o777 & ~umask)
    for path in [place, *place.parents]:
        if path != top and path.is_relative_to(top):
            os.chown(path, owner, owner)
    for path in place.rglob("*"):
        os.chown(path, owner, owner)
    (place / ".venv").mkdir()
    kernel.bind(f"/proc/self/fd/{packages}", str(place / ".venv"))
    for path in (place / ".venv").glob("lib/python*/site-packages/*.pth"):
        name_the_copy(path, place)
    if not ROOT.is_relative_to(top):
        kernel.mount("tmpfs", str(ROOT), "tmpfs", 0, "mode=755")


def name_the_copy(path: Path, place: Path) -> None:
    """In the .pth file of an editable installation: show the copy's place instead of this one."""
    if str(ROOT) in (text := path.read_text()):
        changed = place.parent / path.name
        changed.write_text(text.replace(str(ROOT), str(place)))
        changed.chmod(0o644)
        kernel.bind(str(changed), str(path))
        changed.unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--umask", type=lambda text: int(text, 8), default=0o022)
    parser.add_argument("--owner", choices=("user", "root"), default="user")
    parser.add_argument("--user", choices=("user", "root"), default="user")
    parser.add_argument("place", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    is_root = os.getuid() == 0
    own_mounts()
    ids = {"user": USER, "root": 0} if is_root else dict.fromkeys(("user", "root"), os.getuid())
    move_to(asked.place, asked.umask, ids[asked.owner])
    if is_root:
        become(ids[asked.user])
    os.chdir(asked.place)
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ
    }
    python = str(asked.place / ".venv/bin/python")
    os.execve(python, [python, *asked.arguments], kept | {"HOME": str(asked.place.parent)})


if __name__ == "__main__":
    main()
