"""``check`` and ``progress``: what is printed, in a notebook, a plain file, and the sandbox."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import lmlib
from lmlib.grading import check, progress
from lmlib.grading.questions import CHAPTERS, all_questions, find, of_chapter

Capture = pytest.CaptureFixture[str]
LIBRARY = Path(lmlib.__file__).parent


def laplace(row: Any, vocabulary: Any, word: Any) -> float:
    if word == "<bos>":
        return 0.0
    word = word if word in vocabulary else "<unk>"
    return (row.get(word, 0) + 1) / (sum(row.values()) + len(vocabulary) - 1)


def backoff_context(seen: Any, history: Any, order: Any) -> Any:
    raise NotImplementedError


def continuation_prob(sentences: Any, word: Any) -> Any:
    return 0.0


def named(name: str, function: Any) -> Any:
    function.__name__ = name
    return function


# ---------------------------------------------------------------- check


def test_a_right_function_is_told_so_and_a_stub_that_it_is_still_to_do(capsys: Capture) -> None:
    cases = len(find("03-laplace").cases())
    check("03-laplace", laplace)
    check("03-backoff-context", backoff_context)
    assert capsys.readouterr().out == (
        f"03-laplace: right in all {cases} cases\n03-backoff-context: still to do\n"
    )


def test_the_same_function_is_told_the_same_every_time(capsys: Capture) -> None:
    said = []
    for _time in range(2):
        check("03-continuation-prob", continuation_prob)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].startswith("03-continuation-prob: not yet; right in ")


@pytest.mark.parametrize(
    "id, function, words",
    [
        ("03-laplac", laplace, "there is no question '03-laplac'; did you mean 03-laplace"),
        ("laplace", laplace, "did you mean 03-laplace"),
        ("04-laplace", laplace, "did you mean 03-laplace"),
        ("", laplace, "there is no question ''"),
        ("03-laplace", 0.5, "laplace has to be a function; give its name, without parentheses."),
        (laplace, "03-laplace", 'the id comes first, in quotes: check("03-laplace", laplace)'),
        (3, laplace, "the id comes first"),
        (
            "03-laplace",
            named("laplace", lambda row, word: 0.0),
            "is called with 3 values (row, vocabulary, word), but takes row, word.",
        ),
        ("03-laplace", named("laplace", lambda: 0.0), "but takes none."),
    ],
)
def test_what_cannot_be_checked_is_said_precisely_and_nothing_is_raised(
    id: Any, function: Any, words: str, capsys: Capture
) -> None:
    check(id, function)
    output = capsys.readouterr().out
    assert words in output
    assert output.count("\n") == 1


def test_under_another_name_it_is_judged_and_told_what_the_grader_looks_for(
    capsys: Capture,
) -> None:
    def mine(row: Any, vocabulary: Any, word: Any) -> float:
        return laplace(row, vocabulary, word)

    check("03-laplace", mine)
    first, second = capsys.readouterr().out.splitlines()
    assert "right in all" in first
    assert "a function named laplace; this one is named mine" in second


def test_an_answer_that_remembers_its_last_call_is_told_so(capsys: Capture) -> None:
    def laplace(row: Any, vocabulary: Any, word: Any, calls: Any = []) -> float:  # noqa: B006
        calls.append(word)
        return float(len(calls))

    check("03-laplace", laplace)
    assert "Called again on the same values, it gives something else" in capsys.readouterr().out


def test_an_async_answer_is_told_what_it_gave_and_nobody_else_complains(
    capsys: Capture, recwarn: pytest.WarningsRecorder
) -> None:
    async def laplace(row: Any, vocabulary: Any, word: Any) -> float:
        return 0.0

    check("03-laplace", laplace)
    assert "gave     a value of the type coroutine" in capsys.readouterr().out
    assert list(recwarn) == []


def test_what_the_grader_refuses_is_refused_before_it_is_called(capsys: Capture) -> None:
    def laplace(row: Any, vocabulary: Any, word: Any) -> float:
        from lmlib.ngram import AddK

        raise AssertionError(f"called {AddK}")

    check("03-laplace", laplace)
    output = capsys.readouterr().out
    line = laplace.__code__.co_firstlineno + 1
    assert output.startswith(f"03-laplace: not accepted; line {line}: lmlib.ngram.AddK is imported")


def test_where_no_source_is_found_that_is_said_and_the_check_goes_on(capsys: Capture) -> None:
    names: dict[str, Any] = {}
    exec("def laplace(row, vocabulary, word): raise NotImplementedError", names)
    check("03-laplace", names["laplace"])
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "03-laplace: still to do"
    assert "source of this function was not found" in lines[1]


def test_in_ipython_the_answer_s_whole_cell_is_looked_through(tmp_path: Path) -> None:
    cell = (
        "import os\n\ndef laplace(row, vocabulary, word):\n    raise NotImplementedError\n"
        "from lmlib.grading import check\ncheck('03-laplace', laplace)"
    )
    magic = cell.replace("import os", "%time 1")
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"shell.run_cell({cell!r}, store_history=True)\n"
        f"shell.run_cell({magic!r}, store_history=True)\n"
    )
    environment = os.environ | {"IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    refused = [line for line in done.stdout.split("\n") if "not accepted" in line]
    assert "line 1: os is imported" in refused[0]
    assert "line 1: a command of the notebook" in refused[1]


@pytest.mark.parametrize("question", list(all_questions()), ids=lambda question: question.id)
def test_a_check_takes_no_more_than_a_moment(question: Any, capsys: Capture) -> None:
    slowest = 0.0
    for answer in (question.reference, question.mistakes[0].answer):

        def student(*given: Any, answer: Any = answer) -> Any:
            return answer(*given)

        times = []
        for _time in range(2):
            start = time.process_time()
            check(question.id, named(question.function, student))
            times.append(time.process_time() - start)
            if times[-1] < 0.5:
                break
        slowest = max(slowest, min(times))
    assert slowest < 0.5
    assert "right in all" in capsys.readouterr().out


# ---------------------------------------------------------------- progress


def test_progress_has_a_line_for_each_question_of_the_chapter_and_the_points(
    capsys: Capture,
) -> None:
    progress(laplace, backoff_context, continuation_prob)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "03-laplace",
        "03-backoff-context",
        "03-continuation-prob",
        "total",
    ]
    assert lines[0].split()[1:] == ["right", "10", "/", "10"]
    assert lines[1].split()[1:] == ["still", "to", "do", "0", "/", "10"]
    assert "not yet: right in " in lines[2]
    earned = sum(int(line.split("/")[0].split()[-1]) for line in lines[:-1])
    assert lines[-1].split() == ["total", str(earned), "/", "30"]
    assert len(set(map(len, lines))) == 1


def test_progress_of_a_part_says_what_it_was_not_given(capsys: Capture) -> None:
    progress(laplace)
    assert "not given to progress(...)" in capsys.readouterr().out


def test_progress_of_a_function_that_nobody_asked_for_says_so(capsys: Capture) -> None:
    progress(named)
    assert capsys.readouterr().out == (
        "not checked: no question asks for a function named named.\n"
    )
    half: Any = 0.5
    progress(named, laplace, half)  # the others are shown
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["not", "not"]
    assert "a number" in lines[1]
    assert lines[2].split()[:2] == ["03-laplace", "right"]


# ---------------------------------------------------------------- finding


def test_every_question_is_found_by_its_id_in_its_chapter_s_module() -> None:
    for chapter in CHAPTERS:
        for question in of_chapter(chapter):
            assert question.id == f"{chapter}-{question.function.replace('_', '-').lower()}"
            assert find(question.id).id == question.id
    functions = [question.function for question in all_questions()]
    assert len(set(functions)) == len(functions)  # `progress` finds a question by it


def test_a_question_s_chapter_alone_is_imported() -> None:
    code = (
        "import sys, lmlib.grading\n"
        "print(*(m for m in sys.modules if m.startswith('lmlib.grading.') or m == 'numpy'))\n"
        "from lmlib.grading.questions import find\nfind('02-encode')\n"
        "print(*(m for m in sys.modules if 'chapter' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\nlmlib.grading.questions.chapter02\n"


# ---------------------------------------------------------------- in the sandbox


def test_where_the_questions_are_not_on_disk_nothing_is_judged_and_nothing_raised(
    tmp_path: Path,
) -> None:
    absent = shutil.ignore_patterns("questions", "ngram", "corpora", "__pycache__")
    shutil.copytree(LIBRARY, tmp_path / "lmlib", ignore=absent)
    code = (
        "import lmlib\nprint(lmlib.__file__)\nfrom lmlib.grading import check, progress\n"
        "def laplace(row, vocabulary, word): return 1\n"
        "check('03-laplace', laplace)\ncheck('nothing', 3)\nprogress(laplace)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        str(tmp_path / "lmlib" / "__init__.py"),
        "03-laplace: not checked here",
        "nothing: not checked here",
        "progress: not checked here",
    ]


def test_a_room_that_is_absent_is_no_error_either(tmp_path: Path) -> None:
    shutil.copytree(LIBRARY, tmp_path / "lmlib", ignore=shutil.ignore_patterns("ngram", "*.gz"))
    code = (
        "from lmlib.grading import check, progress\n"
        "def laplace(row, vocabulary, word): return 1\n"
        "check('03-laplace', laplace)\nprogress(laplace)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout == "03-laplace: not checked here\nprogress: not checked here\n"
