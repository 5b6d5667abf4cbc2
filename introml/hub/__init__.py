"""The hub: a course on JupyterHub. Students hand labs in, workers grade, teachers look on."""
