"""Which code is run again, to see whether it comes to the same."""

import pytest

from introml.grader.notebook.chance import depends_on_chance


@pytest.mark.parametrize(
    "source",
    [
        "import os\ncoin = os.urandom(8)[0] % 2",
        "from os import urandom as u",
        "from time import time_ns",
        "import time",
        "from datetime import datetime as d\nd.now()",
        "x = id(object()) // 16 % 2",
        "rng = np.random.default_rng()",
        "import random\nrandom.seed()",
        "import uuid, secrets",
        "f = open('/dev/urandom', 'rb')",
        "y = torch.empty(5)",
        "import concurrent.futures",
        "import torch.multiprocessing as mp",
        "DataLoader(data, num_workers=2)",
        "u = getattr(o, 'uran' + 'dom')",
        "print(f'{id(x)}')",
        "def f():\n    __import__('o' + 's')",
        "!date\nx = time.time(",  # nothing that can be read
    ],
)
def test_a_sign_of_chance_is_seen(source):
    assert depends_on_chance(["x = 1", source])


@pytest.mark.parametrize(
    "source",
    [
        "order = torch.randperm(n)  # from the seed, one at a time",
        '"""One id at a time, os and all."""\nx = 1',
        "torch.manual_seed(0)\nnoise = torch.randn(3)",
        "for step in range(10):\n    loss = step ** 2",
        "ids = sorted(identity)\ntimes = 3",
        "print('open')",
        "",
    ],
)
def test_other_code_shows_none(source):
    assert not depends_on_chance([source])
