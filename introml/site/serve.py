"""A small web server for the built site; when watching, it rebuilds and reloads the open pages."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from introml.site.build import HTML, INPUT_FOLDERS, INPUTS, BuildFailed, build, is_input

#: Placed at the end of each page when watching: it waits for a build after number %d, then reloads.
RELOADER = (
    b"<script>(async()=>{for(;;){try{const r=await fetch('/__wait?after=%d');"
    b"if(await r.text()==='built')location.reload()}"
    b"catch{await new Promise(r=>setTimeout(r,1000))}}})()</script>"
)


class Builds:
    """Counts builds, so that a page learns of the first one after the one that it shows."""

    def __init__(self) -> None:
        self.count = 0
        self.changed = threading.Condition()

    def done(self) -> None:
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def wait(self, after: int, seconds: float) -> bool:
        """Whether there is a build other than number `after`, at once or within the seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.count != after, seconds)


class Handler(SimpleHTTPRequestHandler):
    """Serves files; with `builds`, also the long poll that reloads pages."""

    builds: Builds | None = None
    #: How long a page's question is kept open, in seconds; then it asks again.
    patience = 20.0

    def log_message(self, *arguments: object) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def do_GET(self) -> None:
        if self.builds is None:
            super().do_GET()
        elif asked := re.fullmatch(r"/__wait\?after=(\d+)", self.path):
            newer = self.builds.wait(int(asked.group(1)), self.patience)
            self._answer(b"built" if newer else b"again", "text/plain")
        elif (path := Path(self.translate_path(self.path))).suffix == ".html" and path.is_file():
            # The number first: a build that ends meanwhile is one that the page has not seen.
            reloader = RELOADER % self.builds.count
            self._answer(path.read_bytes() + reloader, "text/html; charset=utf-8")
        else:
            super().do_GET()

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def open_server(
    port: int, builds: Builds | None = None, folder: Path = HTML
) -> ThreadingHTTPServer:
    """A server on loopback; if the port is taken, on the next free one after it."""
    handler = type("BookHandler", (Handler,), {"builds": builds})
    for number in range(port, port + 20):
        try:
            return ThreadingHTTPServer(
                ("127.0.0.1", number), partial(handler, directory=str(folder))
            )
        except OSError:
            continue
    raise OSError(f"no free port from {port} to {port + 19}; choose another with PORT=…")


def has_desktop() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _rebuild(root: Path, builds: Builds) -> None:
    try:
        build(root)
    except BuildFailed as problem:
        print(problem, file=sys.stderr)
        print("the page shown is the last one that was built; mend this and save again")
    else:
        builds.done()


def _watch(root: Path, builds: Builds) -> None:
    import subprocess

    from watchfiles import watch

    paths = [root / name for name in (*INPUTS, *INPUT_FOLDERS) if (root / name).exists()]
    for changes in watch(*paths, debounce=300, step=50):
        changed = [path for _, name in changes if is_input(path := Path(name).relative_to(root))]
        if not changed:
            continue
        print(f"changed: {', '.join(sorted(path.as_posix() for path in changed))}")
        if any(path.parts[0] == "introml" and path.suffix in (".py", ".json") for path in changed):
            # This process holds the old modules; a fresh one builds with the new.
            done = subprocess.run([sys.executable, "-m", "introml.site", "build"], cwd=root)
            if done.returncode == 0:
                builds.done()
        else:
            _rebuild(root, builds)


def serve(root: Path, port: int, open_browser: bool, watch: bool) -> None:
    """Build, then serve until interrupted."""
    builds = Builds()
    shown = root / "_build" / "html"
    try:
        build(root)
    except BuildFailed as problem:
        if not watch or not (shown / "index.html").exists():
            raise
        print(problem, file=sys.stderr)
        print("the book shown is the last one that was built; mend this and save")
    server = open_server(port, builds if watch else None, shown)
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"the book is at {address}  (Ctrl-C stops)", flush=True)
    if open_browser and has_desktop():
        webbrowser.open(address)
    try:
        if watch:
            _watch(root, builds)
        while True:
            time.sleep(3600)
    finally:
        server.shutdown()
