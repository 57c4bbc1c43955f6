"""Figures that a reader can move: on a page without a kernel, and in a notebook with one."""

#: Every interactive of the book, and the function that builds it with its default arguments.
INTERACTIVES: dict[str, str] = {
    "vocabulary-cutoff": "lmlib.interactives.vocabulary:vocabulary_cutoff",
}
