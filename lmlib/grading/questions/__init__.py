"""The questions of the book, a module for each chapter, imported when one of its is asked for."""

import difflib
import importlib
from collections.abc import Iterator

from lmlib.errors import InputError
from lmlib.grading.question import Question
from lmlib.translation import gettext as _

#: Which module holds the questions of a chapter; its ``questions()`` gives them.
CHAPTERS = {
    "01": "chapter01",
    "02": "chapter02",
    "03": "chapter03",
    "04": "chapter04",
    "05": "chapter05",
    "06": "chapter06",
    "07": "chapter07",
    "08": "chapter08",
    "09": "chapter09",
    "10": "chapter10",
    "11": "chapter11",
    "12": "chapter12",
}


def of_chapter(chapter: str) -> tuple[Question, ...]:
    """Give the questions of one chapter, named by its number, ``"03"``."""
    module = importlib.import_module(f"{__name__}.{CHAPTERS[chapter]}")
    return module.questions()


def all_questions() -> Iterator[Question]:
    """Give every question, chapter by chapter; a chapter is imported when it is reached."""
    for chapter in CHAPTERS:
        yield from of_chapter(chapter)


def find(id: str) -> Question:
    """Give the question of this id.

    Raises
    ------
    InputError
        If there is none; the message names ids that look like it.

    Examples
    --------
    >>> find("03-laplace").function
    'laplace'
    """
    chapter = id.partition("-")[0]
    if chapter in CHAPTERS:
        for question in of_chapter(chapter):
            if question.id == id:
                return question
    ids = [question.id for question in all_questions()]
    near = difflib.get_close_matches(id, ids, n=3)
    near = near or [other for other in ids if other.partition("-")[2] == id.partition("-")[2]]
    near = near or [other for other in ids if other.partition("-")[0] == chapter] or ids
    raise InputError(
        _("there is no question {id}; did you mean {near}?").format(
            id=repr(id), near=_(" or ").join(near)
        )
    )


def find_by_function(name: str) -> Question:
    """Give the question that asks for a function of this name.

    Raises
    ------
    InputError
        If no question does.
    """
    for question in all_questions():
        if question.function == name:
            return question
    raise InputError(_("no question asks for a function named {name}.").format(name=name))
