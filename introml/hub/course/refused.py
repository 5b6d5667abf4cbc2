"""What the course says no to."""


class Refused(Exception):
    """A decision that cannot be carried out; the text tells the teacher why and what to do."""


class CourseError(Exception):
    """The course cannot be used as it is; the text says why, and what to do."""
