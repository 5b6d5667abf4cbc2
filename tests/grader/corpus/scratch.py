"""Cells of a student's own: what is usual in notebooks, and what compares with the library."""

from __future__ import annotations

from .entries import helper

GD, ATTENTION = "gradient-descent", "attention"

# What IPython offers beside Python.
helper("ipython_magics", "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nimport torch")
helper("ipython_config", "%config InlineBackend.figure_format = 'retina'\n%precision 3\nkept = 1")
helper("ipython_shell", "!pip install -q torch\n!nvidia-smi\n%pip install numpy\nkept = 1")
helper("ipython_shell_into_a_name", "files = !ls\nhere = %pwd\nprint(len(files), here)")
helper("ipython_help", "?print\nprint?\ntorch.cat??\nkept = 1")
helper("ipython_shell_in_a_block", "if True:\n    !ls\n    %time kept = 1\nprint(kept)")
helper("ipython_shell_with_braces", "name = 'x'\n!echo {name} $name\nkept = 2")
helper("ipython_bash_cell", "%%bash\nls -la\necho $HOME")
helper("ipython_writefile_cell", "%%writefile util.py\ndef helper():\n    return 1")
helper("ipython_html_cell", "%%html\n<b>my notes</b>")
helper("ipython_capture_cell", "%%capture out\nprint('hidden')\nkept = 3")
helper("ipython_time_cell", "%%time\nvalue = sum(range(1000))\nprint(value)")
helper("ipython_timeit_cell", "%%timeit -n 1 -r 1\nsum(range(1000))")
helper("ipython_timeit_line", "%timeit -n 1 -r 1 sum(range(10))\nkept = %time 1 + 1")
helper("ipython_magic_over_two_lines", "%timeit -n 1 -r 1 \\\n    sum(range(10))\nkept = 1")
helper("ipython_who_and_reset", "kept = 1\n%who\n%whos\n%xmode Minimal")
helper("ipython_debugger_left_on", "%pdb off\nkept = 1")
helper("ipython_object", "shell = get_ipython()\nshell.run_line_magic('matplotlib', 'inline')")
helper("ipython_object_asked_for", "if 'google.colab' in str(get_ipython()):\n    print('colab')")
helper("ipython_object_imported", "from IPython import get_ipython\nget_ipython()")
helper("ipython_last_value", "1 + 1\n_", None)
helper("ipython_history", "print(len(In), type(Out).__name__)", None)
helper("ipython_semicolon", "import matplotlib.pyplot as plt\nplt.plot([1, 2]);", None)
helper(
    "ipython_display",
    "from IPython.display import HTML, Markdown, clear_output, display\n"
    "display(HTML('<b>1</b>'), Markdown('*a*'))\nclear_output()\ndisplay(3)",
)
helper("ipython_display_unimported", "display(3)\ndisplay('a', {'b': 1})\nkept = 1")
helper("await_at_the_top", "import asyncio\nawait asyncio.sleep(0)\nkept = 1")
helper(
    "await_with_a_function",
    "import asyncio\n\nasync def load():\n    await asyncio.sleep(0)\n    return 3\n\n"
    "data = await load()\nprint([await load() for _ in range(2)])",
)
helper(
    "await_gather",
    "import asyncio\nparts = await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))\n"
    "assert parts == [1, 2]",
)
helper("annotations_of_the_future", "from __future__ import annotations\nkept: list[int] = []")

# What other places offer, and does not work here.
helper("colab_drive", "from google.colab import drive\ndrive.mount('/content/drive')")
helper("colab_files", "from google.colab import files\nuploaded = files.upload()")
helper(
    "colab_form", "#@title Settings { display-mode: 'form' }\nrate = 0.1 #@param {type:'number'}"
)
helper("colab_gpu", "gpu_info = !nvidia-smi\ngpu_info = '\\n'.join(gpu_info)\nprint(gpu_info[:20])")
helper("kaggle_paths", "import os\nfor d, _, names in os.walk('/kaggle/input'):\n    print(d)")
helper("package_that_is_not_there", "import my_package_at_home")
helper("seaborn_that_is_perhaps_there", "import seaborn as sns\nsns.set_theme()")
helper("file_that_is_at_home", "open('my_data.csv').read()")
helper(
    "network",
    "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    at_home=False,
)
helper(
    "network_by_requests",
    "import requests\nrequests.get('http://192.0.2.1/', timeout=1)",
    at_home=False,
)
helper("question_asked", "n = int(input('how many? '))\nprint(n)")
helper("password_asked", "import getpass\ngetpass.getpass()", at_home=False)
helper(
    "plots",
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])\n"
    "ax.set_title('softmax')\nplt.title('softmax')\nplt.savefig('plot.png')\nplt.show()",
)
helper(
    "plots_in_three_dimensions",
    "import matplotlib.pyplot as plt\n"
    "from mpl_toolkits.mplot3d import Axes3D\nplt.figure().add_subplot(projection='3d')\n"
    "plt.close('all')",
)
helper("plots_by_plotly", "import plotly.graph_objects as go\ngo.Figure(go.Scatter(y=[1, 2]))")
helper(
    "bars_of_progress",
    "from tqdm import tqdm, trange\nfor _ in tqdm(range(3)):\n    pass\n"
    "for _ in trange(2):\n    pass",
)
helper(
    "bars_of_progress_in_notebooks",
    "from tqdm.notebook import tqdm\nfor _ in tqdm(range(3)):\n    pass",
)
helper("bars_of_progress_auto", "from tqdm.auto import tqdm\nlist(tqdm(range(3), desc='softmax'))")
helper(
    "widgets",
    "from ipywidgets import interact, widgets\ninteract(lambda x: x, x=3)\n"
    "slider = widgets.IntSlider()",
)
helper("data_by_pandas", "import pandas as pd\nprint(pd.DataFrame({'a': [1]}))")
helper(
    "data_by_sklearn",
    "from sklearn.datasets import make_regression\n"
    "from sklearn.model_selection import train_test_split\n"
    "a, b = make_regression(20, 3)\ntrain_test_split(a, b)",
)
helper("science_imported", "import scipy\nfrom scipy import stats\nimport scipy.special as sp")
helper("images", "from PIL import Image\nImage.new('RGB', (2, 2))")
helper("symbols", "import sympy\nx_ = sympy.symbols('x')\nprint(sympy.diff(x_ ** 2, x_))")
helper(
    "usual_imports",
    "import os, sys, re, json, math, random, time, copy, itertools, functools\n"
    "import collections, typing, pathlib, inspect, textwrap, pprint, timeit, string, io, gc\n"
    "import traceback, glob, csv, datetime, warnings, logging, operator, statistics, types\n"
    "import contextlib, dataclasses, enum, abc, heapq, bisect, fractions, decimal, shutil\n"
    "import tempfile, argparse, platform, uuid, hashlib, base64, struct, unittest, doctest",
)
helper(
    "usual_imports_of_torch",
    "import torch.nn as nn\nimport torch.nn.functional as F\n"
    "import torch.optim as optim\nfrom torch.utils.data import DataLoader, TensorDataset\n"
    "rate = F.relu(torch.zeros(2))",
)
helper("functional_imported_at_the_end", "import torch.nn.functional as F\nprint(F.relu)", None)
helper("everything_imported_by_star", "from math import *\nfrom torch.nn import *\nkept = pi", None)
helper(
    "versions_and_devices",
    "import sys, platform\nprint(sys.version, torch.__version__)\n"
    "device = 'cuda' if torch.cuda.is_available() else 'cpu'\nprint(device)\n"
    "torch.set_default_device(device)",
)
helper(
    "seeds_and_threads",
    "import random\nimport numpy as np\nrandom.seed(0)\nnp.random.seed(0)\n"
    "torch.manual_seed(0)\ntorch.set_num_threads(2)\ntorch.use_deterministic_algorithms(True)",
)
helper(
    "settings_of_printing",
    "import numpy as np\ntorch.set_printoptions(precision=2)\n"
    "np.set_printoptions(precision=2)\nimport warnings\nwarnings.filterwarnings('ignore')",
)
helper(
    "logging_set_up",
    "import logging\nlogging.basicConfig(level=logging.DEBUG)\n"
    "logging.info('softmax')\nlogging.getLogger('torch').setLevel(logging.ERROR)",
)
helper("memory_cleaned", "import gc\ngc.collect()\nprint(len(gc.garbage))")
helper("class_of_a_thing", "t = torch.zeros(2)\nprint(t.__class__, type(t).__mro__[0].__name__)")
helper(
    "source_of_own_function",
    "import inspect\n\ndef mine():\n    return 1\n\n"
    "print(mine.__name__, mine.__doc__, mine.__code__.co_name)\n"
    "print(inspect.signature(mine))",
)
helper(
    "time_measured",
    "import time\nbegan = time.perf_counter()\ntime.sleep(0.01)\n"
    "print(time.perf_counter() - began)\nimport timeit\ntimeit.timeit('1 + 1', number=10)",
)
helper(
    "files_written_and_read",
    "from pathlib import Path\nPath('notes.txt').write_text('mine')\n"
    "print(Path('notes.txt').read_text())\nimport pickle\npickle.dumps([1])\n"
    "torch.save({'a': 1}, 'a.pt')\ntorch.load('a.pt')",
)
helper("text_evaluated", "print(eval('1 + 1'))\nexec('kept = 3')")
helper(
    "attributes_by_text",
    "class P:\n    a = 1\n\np = P()\n"
    "for n in ('a', 'b'):\n    setattr(p, n, 2)\nprint([getattr(p, n) for n in ('a', 'b')])\n"
    "print(globals().get('nothing'), 'p' in locals(), vars(p))",
)
helper(
    "classes_of_own",
    "from dataclasses import dataclass, field\n\n@dataclass\nclass Config:\n"
    "    width: int = 3\n    names: list = field(default_factory=list)\n\nprint(Config())",
)
helper(
    "scripted_by_torch",
    "@torch.jit.script\ndef double(x):\n    return x * 2\n\nprint(double(torch.ones(1)))",
)
helper(
    "programs_started",
    "import subprocess\nprint(subprocess.run(['echo', 'hi']))",
)
helper(
    "processes_asked_for",
    "import os, multiprocessing\nprint(os.cpu_count())\nprint(multiprocessing.cpu_count())",
)
helper(
    "threads_started",
    "import threading\nt = threading.Thread(target=print, args=('hi',))\nt.start()\nt.join()",
)
helper("random_choices", "import random, uuid\nprint(random.random(), uuid.uuid4())", None)

# Output, a little and a lot.
helper("prints_nine_megabytes", "for step in range(90_000):\n    print('step', step, 'x' * 90)")
helper("prints_one_long_line", "print('x' * 3_000_000)")
helper(
    "prints_to_both_streams",
    "import sys\nprint('a', file=sys.stderr)\n"
    "sys.stdout.write('b')\nsys.stdout.flush()\nprint('c', flush=True, end='')",
)
helper(
    "prints_odd_letters",
    "print('é ∂ 🙂 \\x1b[31m red \\x00 \\ud83d'.encode('utf-8', 'replace'))\nprint('🙂 ŷ − ½')",
)
helper("warns", "import warnings\nwarnings.warn('careful')\n'\\d'")
helper(
    "redirects_output",
    "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    print('kept')",
)
helper(
    "replaces_print", "from functools import partial\nprint = partial(print, flush=True)\nprint(1)"
)

# Errors of a cell's own: the rest goes on.
helper("error_in_a_cell", "1 / 0", says=["zerodivisionerror"])
helper(
    "error_after_a_definition",
    "kept = 1\nraise ValueError('my own check')\nlost = 2",
    says=["my own check"],
)
helper("error_of_syntax", "for i in range(3)\n    print(i)", says=["syntax"])
helper("error_of_an_open_bracket", "print((1, 2)\n", says=["syntax"])
helper("error_of_smart_quotes", "print(“done”)", says=["“"])
helper("error_of_indentation", "def mine():\nreturn 1", says=["indent"])
helper("error_of_old_python", "print 'hello'", says=["print"])
helper("error_of_a_name", "print(not_defined_anywhere)", says=["not_defined_anywhere"])
helper(
    "error_of_an_assertion",
    "assert CALL is None, 'not what I thought'",
    None,
    says=["not what I thought"],
)
helper(
    "error_in_recursion",
    "def down(n):\n    return down(n + 1)\n\ndown(0)",
    says=["recursion"],
    at_home=False,
)
helper(
    "prose_in_a_code_cell", "Here I explain what I did: first, I took the mean.", says=["syntax"]
)
helper("another_language", "let x = 3;\nconsole.log(x);", says=["syntax"])
helper("assertion_that_holds", "assert CALL is not None\nprint('all fine')", None)
helper("breakpoint_left", "def f():\n    breakpoint()\n    return 1\n\nprint('defined')")
helper("exit_called", "exit()", at_home=False)
helper("quit_called_at_the_end", "quit()", None, at_home=False)
helper("exit_of_sys", "import sys\nsys.exit()", at_home=False)
helper("exit_of_sys_at_the_end", "import sys\nsys.exit('done')", None, at_home=False)
helper("interrupted_by_hand", "raise KeyboardInterrupt", at_home=False)
helper("crash_at_the_end", "import os\nos.abort()", None, at_home=False, says=["cell"])
helper(
    "endless_at_the_end", "while True:\n    pass", None, at_home=False, endless=True, says=["time"]
)
helper(
    "sleep_at_the_end",
    "import time\ntime.sleep(600)",
    None,
    at_home=False,
    endless=True,
    says=["time"],
)

# Names that meet the lab's own.
helper(
    "names_of_the_grader", "def check(*_):\n    return True\n\nsubmission, rng, Worker = 1, 2, 3"
)
helper("names_of_python", "sum = 3\nlist = [1]\nid = 4\nmax_ = max(list)\ndel sum, list, id")
helper(
    "names_of_shapes", "X = torch.zeros(3, 2)\ny, w, b = None, 0, 'b'\nT = S = D = d = B = H = 1"
)
helper("names_of_answers_before_they_are_written", "attn = softmax = update = 'later'\ndel attn")
helper("names_imported_again", "import math, torch\nfrom torch import Tensor\nkept = Tensor")
helper("type_hints_alone", "def mine(x: 'Tensor', y: 'list[int] | None' = None) -> 'Tensor': ...")
helper(
    "doctests_run",
    "import doctest\n\ndef add(a, b):\n    '''\n    >>> add(1, 2)\n    3\n    '''\n"
    "    return a + b\n\ndoctest.testmod()",
)
helper(
    "unit_tests_run",
    "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    "        self.assertEqual(1, 1)\n\nunittest.main(argv=[''], exit=False)",
)
helper(
    "words_of_what_is_forbidden",
    "# torch.softmax and torch.autograd.grad are not allowed\n"
    "'''F.scaled_dot_product_attention'''\nnames = ['softmax', 'backward', 'torch.optim']\n"
    "print('torch.nn.functional.mse_loss is not used')",
)

# Scratch cells that compare with the library: the line is lost, nothing else.
helper(
    "compares_softmax",
    "print((torch.softmax(torch.ones(2, 3), -1) - softmax(torch.ones(2, 3))).abs().max())",
    None,
    lab=ATTENTION,
)
helper(
    "compares_softmax_by_an_assertion",
    "import torch.nn.functional as F\nx = torch.randn(2, 3)\n"
    "assert torch.allclose(F.softmax(x, dim=-1), softmax(x))\nprint('the same')",
    None,
    lab=ATTENTION,
)
helper(
    "compares_with_names_of_answers",
    "attn = nn.functional.scaled_dot_product_attention\n"
    "q, k, v = (torch.randn(1, 2, 4) for _ in range(3))\n"
    "print((attn(q, k, v) - attention(q, k, v)[0]).abs().max())",
    None,
    lab=ATTENTION,
)
helper(
    "compares_in_a_function",
    "def compare(x):\n    want = torch.softmax(x, -1)\n"
    "    return (softmax(x) - want).abs().max()\n\nprint(compare(torch.randn(3)))",
    None,
    lab=ATTENTION,
)
helper(
    "compares_in_a_loop",
    "for n in (1, 2, 3):\n    x = torch.randn(n, 4)\n"
    "    print(n, torch.allclose(softmax(x), x.softmax(-1)))\nprint('end')",
    None,
    lab=ATTENTION,
)
helper(
    "compares_before_it_is_written",
    "want = torch.softmax(torch.tensor([1.0, 2.0]), -1)\nprint(want)",
    lab=ATTENTION,
)
helper(
    "compares_heads",
    "mine = MultiHeadAttention(8, 2)\nother = nn.MultiheadAttention(8, 2, "
    "batch_first=True)\nx = torch.randn(2, 3, 8)\nprint(other(x, x, x)[0].shape, "
    "mine(x)[0].shape)",
    None,
    lab=ATTENTION,
)
helper(
    "compares_losses_in_a_training",
    "model = LookupModel(4, 3, 8, 2)\n"
    "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
    "names, values = torch.randint(4, (5, 3)), torch.randint(3, (5, 3))\n"
    "scores = model(names, values, torch.full((5,), 3), torch.randint(4, (5,)))\n"
    "loss = nn.functional.cross_entropy(scores, torch.randint(3, (5,)))\n"
    "optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
    None,
    lab=ATTENTION,
)
helper(
    "compares_by_scipy",
    "from scipy.special import softmax as scipy_softmax\n"
    "print(scipy_softmax([1.0, 2.0]), softmax(torch.tensor([1.0, 2.0])))",
    None,
    lab=ATTENTION,
    flags=["suspicious code"],
)
helper(
    "shows_the_weights",
    "import matplotlib.pyplot as plt\n"
    "plt.imshow(attention(torch.eye(3), torch.eye(3), torch.eye(3))[1])\n"
    "plt.title('softmax'); plt.xlabel('softmax'); plt.show()",
    None,
    lab=ATTENTION,
)
helper(
    "compares_gradients",
    "X, y = torch.randn(5, 2), torch.randn(5)\n"
    "w = torch.zeros(2, requires_grad=True)\nb = torch.zeros((), requires_grad=True)\n"
    "loss = mean_loss(X, y, w, b)\nloss.backward()\n"
    "print(w.grad, gradient(X, y, w.detach(), b.detach())[0])",
    None,
    lab=GD,
)
helper(
    "compares_gradients_by_grad",
    "X, y = torch.randn(5, 2), torch.randn(5)\n"
    "w, b = torch.zeros(2), torch.zeros(())\n"
    "dw, db = torch.func.grad(mean_loss, argnums=(2, 3))(X, y, w, b)\n"
    "print(torch.allclose(dw, gradient(X, y, w, b)[0]))",
    None,
    lab=GD,
)
helper(
    "compares_the_loss",
    "import torch.nn.functional as F\nX, y = torch.randn(5, 2), "
    "torch.randn(5)\nw, b = torch.zeros(2), torch.zeros(())\n"
    "print(F.mse_loss(predict(X, w, b), y) / 2, mean_loss(X, y, w, b))",
    None,
    lab=GD,
)
helper(
    "compares_the_loss_as_a_module",
    "criterion = torch.nn.MSELoss()\nprint(criterion(torch.zeros(2), torch.ones(2)))",
    None,
    lab=GD,
)
helper(
    "compares_with_an_optimizer",
    "w = torch.zeros(2, requires_grad=True)\n"
    "opt = torch.optim.SGD([w], lr=0.1)\nopt.zero_grad()\n(w ** 2).sum().backward()\n"
    "opt.step()\nprint(w)",
    None,
    lab=GD,
)
helper(
    "compares_with_least_squares",
    "A = torch.randn(6, 3)\nprint(torch.linalg.lstsq(A, torch.randn(6, 1)).solution)",
    None,
    lab=GD,
)
helper(
    "compares_with_numpy",
    "import numpy as np\nA = np.random.rand(6, 3)\n"
    "print(np.linalg.lstsq(A, np.random.rand(6), rcond=None)[0], np.polyfit([1, 2, 3], "
    "[1, 2, 3], 1))",
    None,
    lab=GD,
)
helper(
    "compares_with_sklearn",
    "from sklearn.linear_model import LinearRegression\n"
    "import numpy as np\nA = np.random.rand(6, 3)\nLinearRegression().fit(A, A[:, 0]).coef_",
    None,
    lab=GD,
    flags=["suspicious code"],
)
helper(
    "loads_data_in_batches",
    "from torch.utils.data import DataLoader, TensorDataset\n"
    "data = DataLoader(TensorDataset(torch.zeros(4, 2)), batch_size=2)\n"
    "print(len(list(data)))",
    None,
    lab=GD,
)
helper(
    "bound_by_eigenvalues",
    "A = torch.randn(6, 3)\nprint(torch.linalg.eigvalsh(A.T @ A))",
    None,
    lab=GD,
)
