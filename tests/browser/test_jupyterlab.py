"""A widget in a real JupyterLab: the same class, joined to Python in both directions."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on loopback with one notebook in its folder; ended with the tests."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [
        "from introml.widgets import GradientDescent\n\nw = GradientDescent(learning_rate=0.05)\nw",
        "w.step = 7",
        "print('rate', w.learning_rate)",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / "widget.ipynb")
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
            "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        cwd=folder,
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(folder / "config")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2).read()
            break
        except OSError:
            assert process.poll() is None, "JupyterLab ended before it was up"
            time.sleep(0.5)
    yield address
    process.terminate()
    process.wait(timeout=20)


def test_widget_is_synced_both_ways_with_python(lab, open_tab):
    tab = open_tab(f"{lab}/lab/tree/widget.ipynb", width=1400, settle=False)
    page = tab.page
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    # The kernel answers once the status bar says so; an earlier Shift+Enter would be lost.
    page.wait_for_selector("#jp-main-statusbar >> text=| Idle", timeout=60_000)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    root = page.locator("[data-widget=GradientDescent]")
    root.wait_for(timeout=60_000)
    page.wait_for_selector("[data-widget][data-ready=true]")
    readout = root.locator("[data-readout]")
    assert "After 40 steps" in readout.text_content()

    page.keyboard.press("Shift+Enter")  # w.step = 7: from Python to the figure
    page.wait_for_function(
        "document.querySelector('[data-readout]').textContent.includes('After 7 steps')",
        timeout=30_000,
    )

    slider = root.get_by_label("Learning rate η")  # from the figure to Python
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    page.locator(".jp-CodeCell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("text=rate 0.001", timeout=30_000)
