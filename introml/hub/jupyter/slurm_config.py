"""JupyterHub's configuration on a Slurm cluster: servers and grading workers are Slurm's jobs.

configure_slurm(c, hub_host)    # for deploy/slurm/jupyterhub_config.py
slurm(c, course, settings, host) # the same, for a course and settings at hand
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from introml.hub.course import Course, CourseError, HubSettings, default_folder
from introml.hub.jupyter.hub_config import CHOSEN, DIE_WITH_PARENT, common
from introml.hub.jupyter.slurm_spawner import CourseSlurmSpawner
from introml.hub.queue import PASSED_ON


def configure_slurm(c: Any, hub_host: str) -> None:
    """The configuration under `hub.operate.start`; `hub_host` is this machine, as nodes call it."""
    course = Course.at(default_folder())
    chosen = json.loads(os.environ.get(CHOSEN, "{}"))
    chosen.pop("only", "")
    slurm(c, course, course.hub_settings(**chosen), hub_host)


def slurm(c: Any, course: Course, hub: HubSettings, hub_host: str) -> None:
    """Servers as Slurm's jobs, and a service that has Slurm start grading workers."""
    settings = course.settings.slurm
    if settings is None:
        raise CourseError(
            f"{course.folder / 'course.toml'}: there is no [slurm], which says how nodes reach "
            "this course; deploy/slurm/README.md explains it"
        )
    # A server on a node talks to the hub by itself, so the hub listens beyond this machine.
    host = f"[{hub_host}]" if ":" in hub_host else hub_host
    common(c, course, hub, f"http://{host}:{hub.hub_port}")
    anywhere = "127.0.0.1" if hub_host == "127.0.0.1" else "0.0.0.0"
    c.JupyterHub.hub_bind_url = f"http://{anywhere}:{hub.hub_port}"
    c.JupyterHub.spawner_class = CourseSlurmSpawner
    c.CourseSlurmSpawner.course_folder = str(course.folder)
    c.CourseSlurmSpawner.shared = hub.shared
    c.Spawner.cmd = [hub.students_python, "-P", "-m", "introml.hub.servers.slurm_singleuser"]
    c.Spawner.environment = c.Spawner.environment | {"INTROML_SUBMIT_URL": settings.url}
    # A job may wait for a node; the form says so.
    c.Spawner.start_timeout = 600
    c.JupyterHub.services = [
        *c.JupyterHub.services,
        {
            "name": "slurm-workers",
            "command": [
                *DIE_WITH_PARENT, sys.executable, "-P", "-m", "introml.hub.queue.slurm",
                "--course", str(course.folder),
            ],
            # JupyterHub gives its services nothing of its own environment.
            "environment": {
                name: os.environ[name] for name in PASSED_ON if name in os.environ
            },
            "cwd": str(course.folder),
        },
    ]  # fmt: skip
