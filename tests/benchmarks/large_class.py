"""A class of two hundred, thirty of them hostile or broken: it ends, and everybody honest is right.

The run is killed at three random moments and started again; the report has to be the one of a run
that was left alone. Prints how long it took, and the most memory that the grader held.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "grading"))

from broken_files import broken_files  # noqa: E402
from hostile.attacks import ATTACKS, notebook  # noqa: E402
from hostile.test_the_grader_withstands import Watching, points  # noqa: E402
from small_class import (  # noqa: E402
    EXERCISE,
    command,
    environment,
    handed_in,
    report_of,
)
from wrong_answers import _IMPORTS, WRONG_ANSWERS, WrongAnswer  # noqa: E402

from lmlib.grading.judging import judge, outcome  # noqa: E402
from lmlib.grading.questions import find  # noqa: E402

STUDENTS, HOSTILE, BROKEN, SEED = 200, 18, 12, 5


def main(students: int) -> None:
    """Grade the class twice, once with three deaths."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        subs = Path(folder) / "subs"
        expected = hand_in(subs, students, rng)
        most = 0
        seconds: list[float] = []
        reports: list[dict[str, bytes]] = []
        for deaths in (0, 3):
            out = Path(folder) / f"grades-{deaths}"
            words = command("run", EXERCISE, subs, "--out", out, "--jobs", "2", "--seed", str(SEED))
            started = time.perf_counter()
            for death in range(deaths + 1):
                process = subprocess.Popen(
                    words, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True
                )
                with Watching(psutil.Process(process.pid)) as watching:
                    if death < deaths:
                        time.sleep(rng.uniform(5, seconds[0] / (deaths + 1)))
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                most = max(most, watching.most)
            if process.returncode:
                sys.exit(f"the run ended with status {process.returncode}")
            seconds.append(time.perf_counter() - started)
            reports.append(report_of(out))
            print(f"{deaths} deaths: {seconds[-1]:.0f} s", flush=True)
        rows = json.loads(reports[0]["grades.json"])["rows"]
        got = {row["student"]: points(row) for row in rows}
        wrong = {name: (got[name], exact) for name, exact in expected.items() if got[name] != exact}
        differing = [name for name in reports[0] if reports[0][name] != reports[1].get(name)]
    print(
        f"{students} notebooks, {HOSTILE} hostile, {BROKEN} broken: {seconds[0]:.0f} s "
        f"({students / seconds[0] * 60:.0f} a minute), at most {most / 2**20:.0f} MB; "
        f"honest grades that are wrong: {wrong or 'none'}; "
        f"reports that differ after three kills: {differing or 'none'}"
    )
    if wrong or differing or most > 500 * 2**20:
        sys.exit(1)


def hand_in(subs: Path, students: int, rng: random.Random) -> dict[str, int]:
    """Write the class's files; give the points that each honest student has to get."""
    subs.mkdir()
    expected = {}
    mistakes = [one for one in WRONG_ANSWERS if one.question.startswith("03-")]
    broken = [one for _name, one in sorted(broken_files().items())]
    for number in range(students):
        place = subs / f"student-{number:03}"
        place.mkdir()
        if number < HOSTILE:
            content = notebook(ATTACKS[number * len(ATTACKS) // HOSTILE])
        elif number < HOSTILE + BROKEN:
            content = broken[number * len(broken) // (HOSTILE + BROKEN)].content
        else:
            # what the wrong answers need; and no two files are the same
            note = f"{_IMPORTS.strip()}\n\nme = 'student {number}'"
            answers = {}
            if rng.random() < 0.5:
                mistake = rng.choice(mistakes)
                answers[mistake.question] = f"# exercise: {mistake.question}\n{mistake.source}"
                expected[place.name] = 20 + worth(mistake)
            else:
                expected[place.name] = 30
            content = handed_in(answers, [note])
        (place / "03-ngrams.ipynb").write_bytes(content)
    return expected


def worth(answer: WrongAnswer) -> int:
    """Give the points of a wrong answer on this run's cases, judged in this process."""
    question = find(answer.question)
    cases = question.cases(SEED)
    return judge(question, cases, [outcome(answer.function(), case) for case in cases]).points


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDENTS)
