"""The class on the page for teachers: twenty-four students, made up, graded by ``lmlib grade run``.

Each hands in the solution of chapter 03 with some answers exchanged for those that students write
(``tests/grading/wrong_answers.py``), or left to do. Who is better at one question is better at the
others too.
"""

import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
DEPENDS_ON = (
    "exercises/03-ngrams.ipynb",
    "exercises/solutions/03-ngrams.ipynb",
    "lmlib/grading",
    "tests/grading/small_class.py",
    "tests/grading/wrong_answers.py",
)

STUDENTS = 24
SEED = 3

#: How probable it is that a student in the middle of the class has the whole answer.
RIGHT = {"03-laplace": 0.5, "03-backoff-context": 0.6, "03-continuation-prob": 0.4}

#: How many of those who have not left it to do.
TO_DO = 0.15

STUB = "# exercise: {id}\ndef {function}(*arguments):\n    raise NotImplementedError\n"


def class_files() -> dict[str, bytes]:
    """Give what the class hands in: the notebooks, by the students' names."""
    sys.path.insert(0, str(ROOT / "tests" / "grading"))
    from small_class import handed_in
    from wrong_answers import _IMPORTS, WRONG_ANSWERS

    rng = random.Random(SEED)
    files = {}
    for number in range(1, STUDENTS + 1):
        name, ability = f"Student {number:02}", rng.random()
        answers = {}
        for id, right in RIGHT.items():
            if rng.random() < right + ability - 0.5:
                continue  # the solution's answer stays
            wrong = rng.choice([one for one in WRONG_ANSWERS if one.question == id])
            answers[id] = f"# exercise: {id}\n{wrong.source}"
            if rng.random() < TO_DO:
                function = id.partition("-")[2].replace("-", "_")
                answers[id] = STUB.format(id=id, function=function)
        files[name] = handed_in(answers, before=[f"# {name}{_IMPORTS}"])
    return files


def make_class(target: Path) -> None:
    """Hand in, grade, and keep the grades."""
    files = class_files()
    from small_class import EXERCISE, grade, hand_in

    with tempfile.TemporaryDirectory() as folder:
        submissions, out = hand_in(Path(folder, "submissions"), files), Path(folder, "grades")
        done = grade("run", EXERCISE, submissions, "--out", out, "--seed", str(SEED), "--jobs", "2")
        if done.returncode:
            raise RuntimeError(done.stderr)
        target.write_bytes((out / "report" / "grades.json").read_bytes())


ARTEFACTS = {"class.json": make_class}
