"""What turns the notebooks into the offline site. The teaching modules know nothing of it."""
