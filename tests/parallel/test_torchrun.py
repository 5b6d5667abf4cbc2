"""The program that the page on data parallelism shows runs under torchrun."""

import os
import re
import subprocess
import sys

from introml.book.paths import ROOT


def test_the_program_of_the_page_learns_the_slope_on_two_ranks(tmp_path):
    page = (ROOT / "chapters/mlsys/data-parallel.md").read_text("utf-8")
    [program] = re.findall(r"^```python\n(# train_ddp\.py\n.*?)^```$", page, re.DOTALL | re.M)
    assert "`torchrun --nproc-per-node 2 train_ddp.py`" in page
    (tmp_path / "train_ddp.py").write_text(program)
    loopback = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    command = "-m torch.distributed.run --standalone --nproc-per-node 2 train_ddp.py"
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path, env=os.environ | loopback, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "w = 3.00\n"
