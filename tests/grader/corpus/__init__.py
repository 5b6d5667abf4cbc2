"""A corpus of honest notebooks, and what becomes of them: graded, and on a student's machine."""
