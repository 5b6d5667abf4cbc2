# JupyterHub for a course on a Slurm cluster: students' servers and grading workers are jobs.
# README.md beside this file says how to use it. Copy this file, and change what is your cluster's.
from introml.hub.jupyter import configure_slurm

c = get_config()  # noqa: F821

# This machine, by a name or address under which the nodes reach it.
configure_slurm(c, hub_host="hub.example.edu")

# What students may choose when they start a server.
c.CourseSlurmSpawner.hours = [1, 2, 4, 8]
c.CourseSlurmSpawner.memory_gb = [2, 4, 8]
c.CourseSlurmSpawner.cpu_partition = "teaching"
c.CourseSlurmSpawner.gpu_partition = "gpu"
c.CourseSlurmSpawner.gpu_gres = "gpu:1"  # "" where there is none for students
c.CourseSlurmSpawner.gpu_hours = 4
# c.CourseSlurmSpawner.req_account = "course-ml"
