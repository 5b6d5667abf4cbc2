"""What the course says no to."""


class Refused(Exception):
    """A decision that cannot be carried out; the text tells the teacher why and what to do."""
