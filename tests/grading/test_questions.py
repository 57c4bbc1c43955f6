"""The questions of the book: right answers by hand, mistakes told apart, hints that fit."""

import ast
import copy
import json
import math
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wrong_answers import WRONG_ANSWERS, WrongAnswer

from lmlib.grading.judging import agree, judge, outcome
from lmlib.grading.question import Question
from lmlib.grading.questions import all_questions
from lmlib.grading.values import from_json, identical, to_json
from lmlib.grading.verifying import best_guess

ROOT = Path(__file__).parents[2]
QUESTIONS = {question.id: question for question in all_questions()}
each_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
ASKED = QUESTIONS | {
    f"{id}-{variant.name}": question.under(variant.name)
    for id, question in QUESTIONS.items()
    for variant in question.variants
}
each_variant_too = pytest.mark.parametrize("question", ASKED.values(), ids=ASKED)

VOCABULARY = ["<unk>", "<bos>", "<eos>", "books", "exams", "laptops"]
TABLE = {
    "<bos>": {"他": 0.5, "天气": 0.5},
    "他": {"很": 0.2, "吃": 0.8},
    "很": {"<eos>": 0.5, "<unk>": 0.1, "好": 0.2, "冷": 0.2},
    "吃": {"<unk>": 0.6, "面条": 0.2, "披萨": 0.2},
}
TOURISTS = [["San", "Francisco"], ["San", "Francisco"], ["my", "glasses"], ["glasses"]]
LOG_3 = math.log(3)
STATES, CARRIED = np.array([[0.0], [0.5], [-0.5]]), np.array([[0.2], [0.0], [0.0]])
ABOVE = np.array([[1.0], [4.0]])
PADDING = np.array([[-1, -1]])
EIGHT_TO_TWO = [math.log(0.8), math.log(0.2)]
SEEN = [(), ("their",), ("opened",), ("opened", "their"), ("teacher",), ("teacher", "opened")]

ONE_UNIT = np.zeros((1, 1)), np.ones((1, 1))  # x, h
TO_CANDIDATE = np.ones((1, 1)), np.full((1, 1), LOG_3), np.zeros(1)
FROM_BIASES = np.zeros((1, 3)), np.zeros((1, 3)), np.array([0.0, LOG_3, LOG_3 / 2])

LOGITS = np.array([[0.0, math.log(3)], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("id", "arguments", "expected"),
    [
        # his: 0.5; very: 0.2; the end: 0.5
        ("01-chain-logprob", (TABLE, ["他", "很"]), math.log(0.5 * 0.2 * 0.5)),
        ("01-chain-logprob", (TABLE, ["他"]), -math.inf),  # the row of 他 has no end
        ("01-chain-logprob", (TABLE, []), -math.inf),
        # two tokens of 1/2, one of 1/4, one of 1/16: the mean is (1 + 1 + 2 + 4) / 4 = 2 bits
        ("01-perplexity", ([[math.log(1 / 2)] * 2, [math.log(1 / 4), math.log(1 / 16)]],), 4.0),
        ("01-perplexity", ([[0.0], [-math.inf]],), math.inf),
        ("01-greedy-next", (TABLE, []), "他"),
        ("01-greedy-next", (TABLE, ["吃", "很"]), "<eos>"),
        ("01-greedy-next", (TABLE, ["他", "吃"]), "面条"),
        ("01-greedy-next", (TABLE, ["天气"]), None),
        (
            "02-build-vocab",
            ([["b", "<unk>", "a"], ["c", "c", "a"], ["b"]], None),  # two each, b first used
            ["<unk>", "<bos>", "<eos>", "b", "a", "c"],
        ),
        ("02-build-vocab", ([["b", "<unk>", "a"], ["a"]], 4), ["<unk>", "<bos>", "<eos>", "a"]),
        ("02-encode", (["cats", "books", "Books"], VOCABULARY), [0, 3, 0, 2]),
        # after one token: [3, 9] and [4, 8], of which the second comes first
        (
            "02-random-partition",
            ([7, 3, 9, 4, 8, 5], 1, 2, 1, [1, 0]),
            [([[4, 8]], [[8, 5]]), ([[3, 9]], [[9, 4]])],
        ),
        # V = 5 (all but <bos>), C = 3
        ("03-laplace", ({"books": 2, "<unk>": 1}, VOCABULARY, "books"), 3 / 8),
        ("03-laplace", ({"books": 2, "<unk>": 1}, VOCABULARY, "door"), 2 / 8),
        ("03-laplace", ({}, VOCABULARY, "<eos>"), 1 / 5),
        ("03-laplace", ({}, VOCABULARY, "<bos>"), 0.0),
        ("03-backoff-context", (SEEN, ["the", "teacher", "opened", "their"], 4), SEEN[3]),
        ("03-backoff-context", (SEEN, ["the", "teacher", "opened", "their"], 2), SEEN[1]),
        ("03-backoff-context", (SEEN, ["opened", "their"], 1), ()),
        ("03-backoff-context", (SEEN, ["teacher", "opened"], 5), SEEN[5]),
        # <bos> San, San Francisco, Francisco <eos>, <bos> my, my glasses, glasses <eos>,
        # <bos> glasses
        ("03-continuation-prob", (TOURISTS, "Francisco"), 1 / 7),
        ("03-continuation-prob", (TOURISTS, "glasses"), 2 / 7),
        ("03-continuation-prob", (TOURISTS, "<eos>"), 2 / 7),
        ("03-continuation-prob", (TOURISTS, "<bos>"), 0.0),
        # e to the power of 0 and of ln 3: 1 and 3
        ("04-softmax", (np.array([0.0, math.log(3)]),), [1 / 4, 3 / 4]),
        ("04-softmax", (np.array([[800.0, 800.0], [-800.0, -math.inf]]),), [[0.5, 0.5], [1, 0]]),
        # p = 1/4, 3/4; the mean of two rows halves it, padding is not counted
        ("04-cross-entropy-grad", (LOGITS[:1], np.array([0])), [[-3 / 4, 3 / 4]]),
        (
            "04-cross-entropy-grad",
            (LOGITS[:2], np.array([1, 0])),
            [[1 / 8, -1 / 8], [-1 / 4, 1 / 4]],
        ),
        ("04-cross-entropy-grad", (LOGITS[:2], np.array([-1, 0])), [[0, 0], [-1 / 2, 1 / 2]]),
        # tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 3/5, and 1 - 9/25 = 16/25
        ("04-tanh-backward", (np.array([1.0, -5.0]), np.full(2, math.log(2))), [16 / 25, -16 / 5]),
        ("04-tanh-backward", (np.array([[3.0]]), np.array([[0.0]])), [[3.0]]),
        # tanh(ln(3) / 2) = (3 - 1) / (3 + 1) = 1/2, read as 1 and kept while 0 is read
        (
            "06-rnn-forward",
            (
                np.array([[[1.0], [0.0]]]),
                np.zeros((1, 1)),
                *(
                    np.array(w)
                    for w in ([[LOG_3 / 2]], [[LOG_3]], [0.0], [[2.0, -4.0]], [0.0, 1.0])
                ),
            ),
            ([[[1.0, -1.0], [1.0, -1.0]]], [[0.5]]),
        ),
        ("06-shift-labels", ([[4, 5], [6]],), ([[1, 4, 5], [1, 6, 1]], [[4, 5, 2], [6, 2, -1]])),
        ("06-shift-labels", ([[]],), ([[1]], [[2]])),
        # embeddings 10, W_x 6, W_h 9, b 3, W_o 15, b_o 5
        ("06-rnn-params", (5, 2, 3, 9), 48),
        # t = 2: da = 4 (1 - 1/4) = 3; t = 1: da = (1 + 2 * 3) (1 - 1/4) = 5.25
        ("07-bptt-dwh", (STATES, np.array([[2.0]]), np.array([[1.0], [4.0]])), [[0.5 * 3]]),
        ("07-bptt-dwh", (STATES + CARRIED, np.array([[2.0]]), ABOVE), [[0.5 * 3 + 0.2 * 5.25]]),
        # three tokens of 1/2, one of 1/16: the mean is (3 + 4) / 4 bits
        (
            "07-stream-perplexity",
            ([(math.log(2), np.array([[3, 0], [5, -1]])), (math.log(16), np.array([[4]]))],),
            2 ** (7 / 4),
        ),
        ("07-stream-perplexity", ([(math.nan, PADDING), (0.0, np.array([[0]]))],), 1.0),
        # 0.8² : 0.2² = 16 : 1, and 0.8^½ : 0.2^½ = 2 : 1
        ("07-sample-temperature", (EIGHT_TO_TWO, 0.5, [0.94, 0.95]), [0, 1]),
        ("07-sample-temperature", (EIGHT_TO_TWO, 2.0, [0.66, 0.67]), [0, 1]),
        ("07-sample-temperature", ([-math.inf, 0.0], 2.0, [0.0]), [1]),
        # tanh(ln(3) / 2) = 1/2: half of a product of ln 3, or a quarter of it and a bias as large
        ("09-gru-candidate", (*ONE_UNIT, np.full((1, 1), 1 / 2), *TO_CANDIDATE, None), [[0.5]]),
        (
            "09-gru-candidate",
            (*ONE_UNIT, np.full((1, 1), 1 / 4), *TO_CANDIDATE, np.array([LOG_3])),
            [[0.5]],
        ),
        # z = 3/4, the candidate 1/2, the past 1: 3/4 + 1/4 1/2, and 1/4 + 3/4 1/2
        ("09-gru-step", (*ONE_UNIT, *FROM_BIASES, None, True), [[0.875]]),
        ("09-gru-step", (*ONE_UNIT, *FROM_BIASES, None, False), [[0.625]]),
        # W_x 18, W_h 27, b 9, and b_h 3
        ("09-gru-params", (2, 3, False), 54),
        ("09-gru-params", (2, 3, True), 57),
        (
            "11-reverse-padded",
            (np.array([[5, 6, 7], [8, 9, -1]]), np.array([3, 2])),
            [[7, 6, 5], [9, 8, -1]],
        ),
        # the cell that reads backwards says 0.4 at the second word and 0.5 at the first
        (
            "11-bi-concat",
            (np.array([[[0.1], [0.2], [0.9]]]), np.array([[[0.4], [0.5], [0.9]]]), np.array([2])),
            [[[0.1, 0.5], [0.2, 0.4], [0.0, 0.0]]],
        ),
        # one in four is dropped, the others are multiplied by 4/3
        ("11-dropout", (np.array([3.0, 3.0]), np.array([0.9, 0.1]), 0.25, True), [4.0, 0.0]),
        ("11-dropout", (np.array([3.0, 3.0]), np.array([0.9, 0.1]), 0.25, False), [3.0, 3.0]),
        # all gates a half, the candidate 0: the cell is halved, and half of tanh of it is shown
        (
            "10-lstm-step",
            (*(np.array([[v]]) for v in (0.0, 0.0, 2.0)), *np.zeros((2, 1, 4)), np.zeros(4)),
            ([[math.tanh(1.0) / 2]], [[1.0]]),
        ),
        ("10-retention", (np.array([[0.3], [0.5], [0.0], [0.8]]),), [[0.0], [0.0], [0.8], [1.0]]),
        # f = 1/4 has half left after half a step, f = 1/2 after one; ln (1/4 : 3/4) = -ln 3
        ("10-forget-bias", (0.5,), -math.log(3)),
        ("10-forget-bias", (1.0,), 0.0),
        # 2 bits and 4 bits, for a, b and the newline
        ("12-bits-per-char", ([[math.log(1 / 4), math.log(1 / 16)]], "ab\n"), 2.0),
        ("12-bits-per-char", ([[math.log(1 / 2)] * 2, [math.log(1 / 4)]], "面条\n\n"), 1.0),
        ("12-pareto-front", ([(10, 3.0), (40, 2.0), (20, 3.5), (40, 2.5)],), [0, 1]),
        ("12-pareto-front", ([(2, 1.0), (1, 2.0), (2, 1.0)],), [1, 0, 2]),
        # 2 against 4, 6 against 6, 10 against 8
        (
            "12-paired-bootstrap",
            (np.array([1.0, 5.0]), np.array([2.0, 4.0]), np.array([[0, 0], [0, 1], [1, 1]])),
            1 / 2,
        ),
    ],
)
def test_the_reference_gives_what_comes_out_by_hand(
    id: str, arguments: tuple[Any, ...], expected: Any
) -> None:
    question = QUESTIONS[id]
    got = outcome(question.reference, arguments)
    assert agree(got, outcome(lambda *_: expected, arguments), 1e-12), got


@each_question
def test_the_solution_of_the_notebook_is_right_whatever_is_drawn(question: Question) -> None:
    function = solution(question)
    for seed in range(1, 4):
        cases = question.cases(seed)
        verdict = judge(question, cases, [outcome(function, case) for case in cases])
        assert verdict.status == "right", verdict.message


def solution(question: Question) -> Any:
    """Run the notebook's answer to a question after the notebook's cell of imports."""
    (path,) = (ROOT / "exercises" / "solutions").glob(f"{question.id[:2]}-*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells}
    (answer,) = (s for s in sources.values() if s.startswith(f"# exercise: {question.id}\n"))
    names: dict[str, Any] = {}
    exec(sources["imports"] + "\n" + answer, names)
    return names[question.function]


@each_variant_too
def test_a_case_travels_as_json_and_is_drawn_the_same_again(question: Question) -> None:
    for case, again in zip(question.cases(7), question.cases(7), strict=True):
        assert identical(case, again)
        assert identical(from_json(to_json(case)), case)
        kept = copy.deepcopy(case)
        question.reference(*case)
        assert identical(case, kept), "the reference changes what it is given"


@each_variant_too
def test_every_edge_is_in_the_worked_cases_and_drawn_too(question: Question) -> None:
    """Each mistake goes wrong in a worked case, and in one of those that are drawn."""
    cases = question.cases(seed=2, drawn=60)
    expected = [outcome(question.reference, case) for case in cases]
    for mistake in question.mistakes:
        for part in (slice(len(question.worked)), slice(len(question.worked), None)):
            assert any(
                not agree(outcome(mistake.answer, case), wanted, question.relative_tolerance)
                for case, wanted in zip(cases[part], expected[part], strict=True)
            ), (mistake.name, part)


@each_variant_too
def test_mistakes_with_different_hints_go_wrong_in_different_ways(question: Question) -> None:
    cases = question.cases(seed=1)
    made = [[outcome(mistake.answer, case) for case in cases] for mistake in question.mistakes]
    for (one, first), (other, second) in combinations(zip(question.mistakes, made, strict=True), 2):
        if one.hint != other.hint:
            assert not all(
                agree(a, b, question.relative_tolerance) for a, b in zip(first, second, strict=True)
            ), (one.name, other.name)


@each_variant_too
def test_a_hint_never_holds_the_line_that_mends(question: Question) -> None:
    """No hint is code, or quotes it: nothing between its words compiles to more than a name."""
    assert len({mistake.hint for mistake in question.mistakes}) >= 4
    assert len({mistake.name for mistake in question.mistakes}) == len(question.mistakes)
    for mistake in question.mistakes:
        assert 20 < len(mistake.hint) <= 200, mistake.hint
        for quoted in mistake.hint.split("`")[1::2]:
            assert isinstance(ast.parse(quoted, mode="eval").body, ast.Name)


# ---------------------------------------------------------------- what cannot be guessed


@each_variant_too
def test_no_constant_and_no_argument_is_right_in_two_cases_of_five(question: Question) -> None:
    guess = best_guess(question)
    assert 0 < guess.share < 0.4, guess


def test_most_of_what_is_drawn_to_be_clipped_is_clipped() -> None:
    for id, size in (("08-clip-value", largest), ("08-clip-norm", norm)):
        for seed in range(4):
            drawn = QUESTIONS[id].cases(seed)[len(QUESTIONS[id].worked) :]
            clipped = [size(gradients) > limit for gradients, limit in drawn]
            assert sum(clipped) > 0.6 * len(drawn)
            assert not all(clipped)


def largest(gradients: dict[str, Any]) -> float:
    return float(max(np.nanmax(abs(g), initial=0.0) for g in gradients.values()))


def norm(gradients: dict[str, Any]) -> float:
    return math.sqrt(sum((g**2).sum() for g in gradients.values()))


def test_few_contexts_are_given_up_altogether() -> None:
    question = QUESTIONS["03-backoff-context"]
    for seed in range(4):
        answers = [question.reference(*case) for case in question.cases(seed)]
        assert 1 / 20 < answers.count(()) / len(answers) < 1 / 3


# ---------------------------------------------------------------- what students write


def by_question(id: str) -> list[WrongAnswer]:
    return [answer for answer in WRONG_ANSWERS if answer.question == id]


def test_every_planted_mistake_was_written_as_a_student_would() -> None:
    planted = {(q.id, mistake.name) for q in QUESTIONS.values() for mistake in q.mistakes}
    written = {(answer.question, answer.mistake) for answer in WRONG_ANSWERS}
    same_hint = {
        (q.id, other.name)
        for q in QUESTIONS.values()
        for mistake in q.mistakes
        for other in q.mistakes
        if mistake.hint == other.hint and (q.id, mistake.name) in written
    }
    assert written <= planted
    assert planted - same_hint == set()


@each_question
def test_students_mistakes_are_caught_and_nine_in_ten_meet_their_own_hint(
    question: Question, record_property: Any
) -> None:
    hints = {mistake.name: mistake.hint for mistake in question.mistakes}
    cases = question.cases()
    answers = by_question(question.id)
    missed = []
    for answer in answers:
        function = answer.function()
        verdict = judge(question, cases, [outcome(function, case) for case in cases])
        assert verdict.points < question.points, (answer.mistake, verdict.message)
        if verdict.hint != hints[answer.mistake]:
            missed.append((answer.mistake, verdict.hint))
    record_property("met_by_own_hint", f"{len(answers) - len(missed)} of {len(answers)}")
    assert len(missed) <= 0.1 * len(answers), missed
