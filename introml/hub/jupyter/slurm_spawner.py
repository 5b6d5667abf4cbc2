"""Students' servers as Slurm jobs: batchspawner with a form of choices, and its holes closed.

batchspawner 1.3.0 lets a student's server set any attribute of its spawner through the hub's
`/api/batchspawner`, the commands that the hub then runs among them, and puts what a request for a
server says into the job's script. Here a server may tell its port, and choices are from a list.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import pwd
import re
import shlex
import shutil
from html import escape
from pathlib import Path
from typing import Any

from batchspawner import SlurmSpawner
from jupyterhub.apihandlers import APIHandler, default_handlers
from tornado import web
from traitlets import Integer, List, Unicode, default

from introml.hub.course import Course, Refused
from introml.hub.jupyter import accounts
from introml.hub.jupyter.spawner import NoServer
from introml.hub.people import people
from introml.hub.servers import releases

#: What an account's name may be: it stands in commands that a shell reads.
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")

#: No shell step and no `srun` in between: Slurm's signals reach the server itself.
_SCRIPT = """\
#!/bin/sh
#SBATCH --job-name=jupyter-{{username}}
#SBATCH --output={{homedir}}/.jupyter-server.log
#SBATCH --open-mode=truncate
#SBATCH --chdir={{homedir}}
#SBATCH --export={{keepvars}}
#SBATCH --no-requeue
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={{nprocs}}
#SBATCH --time={{runtime}}
#SBATCH --mem={{memory}}
{% if partition %}#SBATCH --partition={{partition}}
{% endif %}{% if account %}#SBATCH --account={{account}}
{% endif %}{% if gres %}#SBATCH --gres={{gres}}
{% endif %}{% if options %}#SBATCH {{options}}
{% endif %}umask 077
{{prologue}}
exec {{cmd}}
"""


class CourseSlurmSpawner(SlurmSpawner):
    """A server on a node that Slurm finds, with the time, memory and GPU that the student chose."""

    hours = List(Integer(), [1, 2, 4, 8], config=True, help="Choices of time; the first is set.")
    memory_gb = List(Integer(), [2, 4, 8], config=True, help="Choices of memory.")
    cpu_partition = Unicode("", config=True, help="The partition of servers without a GPU.")
    gpu_partition = Unicode("", config=True, help="The partition of servers with one.")
    gpu_gres = Unicode("", config=True, help='What a GPU is to Slurm: "gpu:1". Empty: no choice.')
    gpu_hours = Integer(4, config=True, help="The longest time of a server with a GPU.")
    course_folder = Unicode(config=True, help="The course's folder.")
    shared = Unicode(config=True, help="Where students read labs and pages.")

    batch_script = Unicode(_SCRIPT).tag(config=True)
    req_nprocs = Unicode("1").tag(config=True)

    # The job runs under the account that the student has on the cluster, whose name need not do as
    # JupyterHub's. Which one that was is remembered: the roster may change while the job runs.

    def become(self, account: pwd.struct_passwd) -> None:
        """Submit, look after and cancel the job as this account."""
        self.req_username, self.req_homedir = account.pw_name, account.pw_dir

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        account = pwd.getpwnam(self.req_username)
        return env | {"USER": account.pw_name, "HOME": account.pw_dir, "SHELL": account.pw_shell}

    def get_state(self) -> dict[str, Any]:
        return super().get_state() | {"account": self.req_username}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        with contextlib.suppress(KeyError):  # the account is gone, and its job with it
            self.become(pwd.getpwnam(state.get("account") or self.user.name))

    @default("exec_prefix")
    def _default_prefix(self) -> str:
        if os.geteuid() == 0:
            return f"{_program('runuser')} -u {{username}} --"
        return f"{_program('sudo')} -E -u {{username}}"

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        return ["LANG", "LC_ALL", "TZ", "SLURM_CONF"]

    # The students' PATH need not lead to Slurm.

    @default("batch_submit_cmd")
    def _default_submit(self) -> str:
        return f"{_program('sbatch')} --parsable"

    @default("batch_query_cmd")
    def _default_query(self) -> str:
        return f"{_program('squeue')} -h -j {{job_id}} -o '%T %B'"

    @default("batch_cancel_cmd")
    def _default_cancel(self) -> str:
        return f"{_program('scancel')} {{job_id}}"

    @default("options_form")
    def _default_form(self) -> Any:
        return lambda spawner: options_form(spawner)

    @default("options_from_form")
    def _default_from_form(self) -> Any:
        return lambda form: checked(self, _values(form))

    @default("apply_user_options")
    def _default_apply(self) -> Any:
        return apply

    def cmd_formatted_for_batch(self) -> str:
        """The command of the job's script."""
        return shlex.join([*self.cmd, *self.get_args()])

    async def start(self) -> Any:
        await asyncio.to_thread(self.prepare)
        return await super().start()

    def prepare(self) -> None:
        """Refuse who is no student of this cluster's; put the open labs where nodes find them."""
        course = Course.at(Path(self.course_folder))
        try:
            self.become(account_of(course, self.user.name))
        except (accounts.AccountError, Refused) as problem:
            self.log.error("no server for %s: %s", self.user.name, problem)
            raise NoServer(str(problem)) from problem
        releases.publish(course, Path(self.shared))


def account_of(course: Course, name: str) -> pwd.struct_passwd:
    """The account on this cluster of someone on the roster. Raises `AccountError` or `Refused`."""
    with course.database.reading() as session:
        person = people.find(session, name)
        told = people.cluster_account(session, person) if person is not None else name
    if not _ACCOUNT.fullmatch(told):
        raise accounts.AccountError(f"{told!r} cannot be an account's name")
    try:
        return accounts.existing(told)
    except accounts.AccountError:
        # Clusters write their accounts in small letters, whatever people do.
        if told == told.lower():
            raise
        return accounts.existing(told.lower())


def checked(spawner: CourseSlurmSpawner, options: dict[str, Any]) -> dict[str, Any]:
    """The choices in `options`, the first ones where it is silent. Raises `ValueError`."""
    machines = ["cpu", "gpu"] if spawner.gpu_gres else ["cpu"]
    allowed: dict[str, list] = {
        "machine": machines,
        "hours": spawner.hours,
        "memory_gb": spawner.memory_gb,
    }
    for key, value in options.items():
        if key not in allowed:
            raise ValueError(f"{key[:50]!r} is no choice; there are {', '.join(allowed)}.")
        if type(value) is not type(allowed[key][0]) or value not in allowed[key]:
            words = ", ".join(map(str, allowed[key]))
            raise ValueError(f"{key} is {str(value)[:50]!r}; choose one of {words}.")
    chosen = {key: values[0] for key, values in allowed.items()} | options
    if chosen["machine"] == "gpu" and chosen["hours"] > spawner.gpu_hours:
        raise ValueError(
            f"A server with a GPU runs for {spawner.gpu_hours} hours at most. Choose fewer hours."
        )
    return chosen


def apply(spawner: CourseSlurmSpawner, options: dict[str, Any]) -> None:
    """Ask Slurm for what was chosen. Raises an `HTTPError` for what is no choice."""
    try:
        chosen = checked(spawner, options)
    except ValueError as problem:
        error: Any = web.HTTPError(400, str(problem))
        error.jupyterhub_message = str(problem)  # what JupyterHub shows
        raise error from None
    # batchspawner puts all user options into the script's template.
    spawner.user_options = chosen
    on_gpu = chosen["machine"] == "gpu"
    spawner.req_partition = spawner.gpu_partition if on_gpu else spawner.cpu_partition
    spawner.req_gres = spawner.gpu_gres if on_gpu else ""
    spawner.req_runtime = f"{chosen['hours']}:00:00"
    spawner.req_memory = f"{chosen['memory_gb']}G"


def options_form(spawner: CourseSlurmSpawner) -> str:
    """The fields of the form that the hub shows before it starts a server."""
    try:
        before = checked(spawner, spawner.user_options)
    except ValueError:
        before = checked(spawner, {})
    fields = []
    if spawner.gpu_gres:
        machines = [
            ("cpu", "Processor", "for all pages and labs that don't say otherwise"),
            ("gpu", "GPU", f"for labs that ask for one; {spawner.gpu_hours} hours at most"),
        ]
        radios = "".join(
            f'<label class="choice"><input type="radio" name="machine" value="{value}"'
            f"{' checked' if before['machine'] == value else ''}> <span>{words}</span> "
            f"<small>{escape(more)}</small></label>"
            for value, words, more in machines
        )
        fields.append(f"<fieldset><legend>Machine</legend>{radios}</fieldset>")
    hours = [(value, f"{value} hour{'s' * (value > 1)}") for value in spawner.hours]
    fields.append(_select("hours", "Time", hours, before["hours"]))
    memory = [(value, f"{value} GB") for value in spawner.memory_gb]
    fields.append(_select("memory_gb", "Memory", memory, before["memory_gb"]))
    note = (
        '<p class="note">When the time is over, the server ends. Your files stay; what is not '
        "saved is lost.</p>"
    )
    return f'<div class="spawn-choices">{"".join(fields)}{note}</div>'


def _select(name: str, label: str, values: list[tuple[int, str]], chosen: int) -> str:
    options = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{words}</option>'
        for value, words in values
    )
    return (
        f'<label for="choice-{name}">{label}</label>'
        f'<select id="choice-{name}" name="{name}">{options}</select>'
    )


def _program(name: str) -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
    return shlex.quote(shutil.which(name, path=path) or name)


def _values(form: dict[str, list[Any]]) -> dict[str, Any]:
    """What a form says, numbers as such; `_xsrf` is the hub's own."""
    values = {key: (x[0] if x else "") for key, x in form.items() if key != "_xsrf"}
    return {
        key: int(x) if isinstance(x, str) and x.isdecimal() and len(x) < 10 else x
        for key, x in values.items()
    }


class PortHandler(APIHandler):
    """A server that has started tells the hub its port, with its own token; nothing else is set."""

    @web.authenticated
    def post(self) -> None:
        body = self.get_json_body()
        port = body.get("port") if isinstance(body, dict) and len(body) == 1 else None
        if type(port) is not int or not 1024 <= port <= 65535:
            raise web.HTTPError(400, "send a port, a number from 1024 to 65535, and nothing else")
        token = self.get_auth_token() or ""
        for spawner in getattr(self.current_user, "spawners", {}).values():
            if token and hmac.compare_digest(spawner.api_token or "", token):
                spawner.port = port
                self.set_status(201)
                self.finish(json.dumps({"message": "the port is known"}))
                return
        raise web.HTTPError(403, "this token is no server's")


def close_holes() -> None:
    """Put `PortHandler` in the place of batchspawner's handler, for this process's hub."""
    path = r"/api/batchspawner"
    default_handlers[:] = [one for one in default_handlers if one[0] != path]
    default_handlers.append((path, PortHandler))


close_holes()
