"""The box a student's code runs in: namespaces, a read-only root, limits, filtered system calls."""
