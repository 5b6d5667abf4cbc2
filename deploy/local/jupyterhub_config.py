# JupyterHub for a course on one machine; `make hub` uses it. Settings go into the course's
# course.toml; what goes beyond them can be written below, as in any configuration of JupyterHub.
from introml.hub.jupyter import configure_local

c = get_config()  # noqa: F821
configure_local(c)
