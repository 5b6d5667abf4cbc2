#!/bin/sh
# What Slurm runs: a grading worker, given as arguments. `exec`, so that Slurm's signals reach it.
exec "$@"
