"""Three gates and a tape: what stands on the tape is what the equations give."""

import re

import numpy as np
import pytest

from lmlib.interactives.tape import (
    FORGET,
    INPUT,
    OUTPUT,
    SECOND,
    STOP,
    SUBJECTS,
    VERBS,
    run,
    three_gates_and_a_tape,
)

FIGURE = three_gates_and_a_tape()
SETTINGS = [
    (forget, write, show, second)
    for forget in FORGET
    for write in INPUT
    for show in OUTPUT
    for second in SECOND
]


def bars(picture: str, kind: str) -> list[tuple[float, float]]:
    """Where each bar of this kind begins, and how far up it goes (below: a negative number)."""
    (path,) = re.findall(f'class="{kind}" d="([^"]+)"', picture)
    found = re.findall(r"M[\d.]+,([\d.]+)v(-?[\d.]+)h24", path)
    return [(float(zero), -float(up)) for zero, up in found]


@pytest.mark.parametrize("setting", SETTINGS)
def test_cell_and_output_follow_from_the_gates(setting: tuple[str, str, str, str]) -> None:
    tape, c = run(*setting), 0.0
    for t in range(len(tape.words)):
        c = tape.f[t] * c + tape.i[t] * tape.candidate[t]
        assert tape.c[t] == pytest.approx(c, abs=1e-9)
        assert tape.h[t] == pytest.approx(tape.o[t] * np.tanh(c), abs=1e-9)


def test_the_settings_do_what_they_are_called() -> None:
    tape = run("both", "subject", "verb", "dogs")
    assert tape.f[STOP] == 0.2 and list(tape.f[list(SUBJECTS)]) == [0, 0]
    assert sorted(np.flatnonzero(tape.i)) == sorted(SUBJECTS)
    assert sorted(np.flatnonzero(tape.o)) == sorted(VERBS)
    assert tape.words[SUBJECTS[1]] == "dogs" and tape.words[STOP] == "."


def test_what_the_reader_should_have_noticed_is_so() -> None:
    first, last = VERBS
    right = run("both", "subject", "verb", "dogs")
    assert right.c[[first, last]] == pytest.approx([1, -1])
    assert run("1", "subject", "1", "dogs").c[last] == pytest.approx(0, abs=1e-9)
    assert run("stop", "subject", "1", "dogs").c[STOP] == pytest.approx(0.2)
    deaf, open_ = run("1", "subject", "1", "dogs"), run("1", "1", "1", "dogs")
    assert deaf.c[first] == pytest.approx(1) and open_.c[first] == pytest.approx(0, abs=1e-9)
    for forget in FORGET:
        tapes = [run(forget, "subject", show, "dogs").c for show in OUTPUT]
        assert all(np.array_equal(tapes[0], other) for other in tapes)


def test_the_reading_says_what_is_drawn() -> None:
    frame = FIGURE.draw(write="subject", forget="both", show="verb", second="dogs")
    assert "holds 1.00 and shows 0.76" in frame.reading
    assert "holds −1.00 and shows −0.76" in frame.reading
    heights = bars(frame.picture, "cell")
    tape = run("both", "subject", "verb", "dogs")
    drawn = np.array([height for _, height in heights])
    assert len(drawn) == len(tape.c)
    assert drawn / drawn.max() == pytest.approx(tape.c / tape.c.max(), abs=0.01)


def test_every_bar_stays_in_the_picture() -> None:
    for frame in FIGURE.frames().values():
        (height,) = re.findall(r'viewBox="0 0 \S+ (\S+)"', frame.picture)
        for kind in ("cell", "shown"):
            for zero, up in bars(frame.picture, kind):
                assert 112 < zero - up < float(height)


def test_the_figure_is_light() -> None:
    assert len(FIGURE.to_html().encode()) < 300_000
