"""The grader: a student's code runs in a box, the checks stay outside, values go between them."""
