"""A class of four and an exercise of two questions, for what is made of a gradebook."""

from __future__ import annotations

from lmlib.grading.gradebook import Gradebook, QuestionGrade, Record, Row

#: Texts that a student may choose, and that should come to nothing.
HOSTILE = [
    "<script>alert(1)</script>",
    "</pre><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt; &#x3c;script&#x3e;",
    "<!-- ]]> -->{0}{name}%s",
    "javascript:alert(1)",
    '=HYPERLINK("http://evil")',
    "\x00\x08\x1b[2J\u202egnp.exe\ud800\uffff",
]

HINT = "Count the words of the vocabulary, too."


def grade(id: str, points: int, status: str = "wrong", **more: str) -> QuestionGrade:
    return QuestionGrade(id, points, 10, status, right=points, cases=10, **more)


def record(*questions: QuestionGrade, text: str = "a note") -> Record:
    return Record(
        "key", 7, questions, notes=(text,), remarks=(f"secret {text}",), free_text=(text,)
    )


def questions(text: str, points: tuple[int, int] = (10, 4)) -> tuple[QuestionGrade, ...]:
    return (
        grade("03-laplace", points[0], "right" if points[0] == 10 else "wrong"),
        grade(
            "03-backoff",
            points[1],
            message=f"03-backoff: not yet\n    {text}\n    {HINT}",
            hint=HINT,
            mistake="secret mistake",
        ),
    )


def row(
    student: str = "Ada Lovelace",
    identity: str = "101",
    file: str = "lovelaceada_101_2001_03-ngrams.ipynb",
    points: tuple[int, int] = (10, 4),
    text: str = "a note",
) -> Row:
    answers = questions(text, points)
    return Row(student, identity, file, False, 1, record(*answers, text=text))


def gradebook(
    *rows: Row, sandbox: str = "bubblewrap", unmatched: tuple[str, ...] = ()
) -> Gradebook:
    chosen = rows or (
        row(),
        row("Bob Noyce", "102", "noycebob_LATE_102_2002_03-ngrams-1.ipynb", (5, 0)),
        row("李 明", "103", "李明_103_2003_03-ngrams.ipynb", (0, 10)),
        Row("Grace Hopper", "104", "", False, 0, None),
    )
    questions = {"03-laplace": 10, "03-backoff": 10}
    return Gradebook("03-ngrams", questions, 7, sandbox, chosen, unmatched)
