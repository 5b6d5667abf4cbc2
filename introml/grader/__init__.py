"""Labs that grade themselves: release, sandbox, checks, reports."""
