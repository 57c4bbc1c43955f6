"""Questions that check themselves: for the student at once, for the teacher with a grade."""
