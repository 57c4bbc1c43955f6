"""The pages: what they say, to whom, and that nothing a student wrote is more than text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_gradebook import HINT, HOSTILE, grade, gradebook, record, row

from lmlib.grading.gradebook import Gradebook, Row
from lmlib.grading.likeness import Alike
from lmlib.grading.pages import discrimination, overview_page, student_page

TEXTS = st.text(min_size=1).filter(str.strip) | st.sampled_from(HOSTILE)
VOID = {"meta", "line", "circle", "rect"}


class Reader(HTMLParser):
    """Reads a page: its tags and attributes, and its text; every element has to be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _value in attributes))))
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]
        self.ids += [value or "" for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def text_of(page: str) -> str:
    return " ".join(" ".join(Reader(page).text).split())


def both_pages(text: str) -> tuple[str, str]:
    """Both pages of a class in which everything that can come from outside is this text."""
    written = row(student=f"x{text}", identity=text, file=f"x{text}", text=f"x{text}")
    other = Row(f"y{text}", "", "", True, 3, None, changes=(f"x{text}",))
    assert written.record is not None
    first, *rest = written.record.questions
    odd = dataclasses.replace(first, message=f"x{text}", mistake=f"x{text}", source=text)
    written = dataclasses.replace(
        written, record=dataclasses.replace(written.record, questions=(odd, *rest))
    )
    book = dataclasses.replace(
        gradebook(written, other, unmatched=(f"x{text}",)),
        changes=(f"x{text}",),
        notes=(f"x{text}",),
    )
    pairs = [Alike("03-laplace", (f"x{text}", f"y{text}"), 0.9)]
    pairs.append(Alike("03-laplace", (f"x{text}",), 1.0, public=True))
    page_of = {written.student: f"x{text}.html", other.student: f"y{text}.html"}
    return student_page(book, written), overview_page(book, pairs, page_of)


PLAIN = [Reader(page).tags for page in both_pages("plain")]


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_nothing_from_outside_is_more_than_text(text: str) -> None:
    for page, plain in zip(both_pages(text), PLAIN, strict=True):
        page.encode("utf-8")
        assert not re.search("[\x00-\x08\x0e-\x1f\x7f]", page)
        assert Reader(page).tags == plain


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_a_link_leads_to_a_file_beside_the_page(text: str) -> None:
    for link in Reader(both_pages(text)[1]).links:
        assert re.fullmatch(r"#[a-z]+|[\w%.~/-]+", link, re.ASCII)
        assert not link.startswith("/")


def test_a_page_fetches_nothing_and_allows_its_own_stylesheet_alone() -> None:
    for page in both_pages("plain"):
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
        policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
        assert style and policy
        assert page.index(policy[0]) < page.index(style[0])
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"style-src &#x27;sha256-{digest}&#x27;" in policy[1]
        assert policy[1].startswith("default-src &#x27;none&#x27;;")
        tags = Reader(page).tags
        assert not {tag for tag, _attributes in tags} & {"script", "link", "img", "iframe"}
        assert not [attributes for _tag, attributes in tags if "style" in attributes]
        assert "url(" not in page and "@import" not in page and "http" not in style[1]
        assert '<html lang="en">' in page


def test_headings_and_sections_are_named() -> None:
    for page in both_pages("plain"):
        reader = Reader(page)
        assert len(set(reader.ids)) == len(reader.ids)
        for label in re.findall(r'aria-labelledby="([^"]+)"', page):
            assert label in reader.ids
        assert [tag for tag, _attributes in reader.tags].count("h1") == 1
        assert all(link[1:] in reader.ids for link in reader.links if link.startswith("#"))


def test_a_students_page_says_what_the_student_has_to_know() -> None:
    mine = dataclasses.replace(
        row(text="came out"), late=True, versions=3, changes=("Two points more, by the teacher.",)
    )
    said = text_of(student_page(gradebook(mine), mine))
    for words in [
        "03-ngrams",
        "Ada Lovelace",
        "14 of 20 points",
        "10 of 10 points · right in all cases",
        "4 of 10 points · not yet; right in 4 of 10 cases",
        "03-backoff: not yet came out",
        "came out",
        "handed in late",
        "the last of 3 that came",
        "Two points more",
    ]:
        assert words in said, words
    assert said.count(HINT) == 1  # the message ends with it


def test_a_students_page_has_nothing_of_the_teachers_and_of_others() -> None:
    book = gradebook(unmatched=("Somebody Else",))
    for one in book.rows:
        said = student_page(book, one)
        assert "secret" not in said
        assert "Somebody Else" not in said
        assert not [other for other in book.rows if other is not one and other.student in said]


@pytest.mark.parametrize("sandbox, says", [("none", True), ("bubblewrap", False)])
def test_both_pages_say_if_there_was_no_sandbox(sandbox: str, says: bool) -> None:
    book = gradebook(sandbox=sandbox)
    for page in (student_page(book, book.rows[0]), overview_page(book, [], {})):
        assert ("without a sandbox" in text_of(page)) is says


@pytest.mark.parametrize(
    "status", ["right", "wrong", "to do", "refused", "missing", "not run", "void"]
)
def test_each_status_is_said_in_words(status: str) -> None:
    one = dataclasses.replace(row(), record=record(grade("03-laplace", 0, status)))
    said = text_of(student_page(gradebook(one), one))
    after = said.partition("0 of 10 points · ")[2]
    assert len(after.split()) >= 3


def test_the_overview_says_what_the_teacher_has_to_know() -> None:
    book = dataclasses.replace(
        gradebook(unmatched=("Eve",)), changes=("03-laplace: void",), notes=("Took a minute.",)
    )
    alike = [
        Alike("03-backoff", ("Ada Lovelace", "Bob Noyce"), 0.876),
        Alike("03-backoff", ("李 明",), 1.0, public=True),
    ]
    page = overview_page(book, alike, {"Ada Lovelace": "students/ada lovelace.html"})
    said = text_of(page)
    for words in [
        "Handed in 3",
        "Missing 1",
        "Nothing came from Grace Hopper",
        "not on the roster Eve",
        "secret mistake 3",
        "Ada Lovelace : secret a note",
        "88 %",
        "never a verdict",
        "--seed 7",
        "03-laplace: void",
        "Took a minute.",
        "Free text, for you to read Ada Lovelace a note",
    ]:
        assert words in said, words
    assert 'href="students/ada%20lovelace.html"' in page
    assert said.index("Like the public solution") < said.index("Like each other")


def class_of(points: list[tuple[int, int]]) -> Gradebook:
    return gradebook(*(row(f"s{i}", str(i), points=pair) for i, pair in enumerate(points)))


def test_discrimination_is_the_correlation_with_the_other_questions() -> None:
    assert discrimination(class_of([(i, i) for i in range(10)]), "03-laplace") == "1.00"
    assert discrimination(class_of([(i, 9 - i) for i in range(10)]), "03-laplace") == "−1.00"
    half = class_of(
        [(0, 0), (0, 0), (0, 5), (0, 0), (9, 0), (9, 9), (9, 5), (9, 9), (0, 9), (9, 0)]
    )
    assert discrimination(half, "03-laplace") == "0.23"  # numpy.corrcoef: 0.2278


def test_discrimination_of_few_or_of_equals_is_not_said() -> None:
    assert discrimination(class_of([(i, i) for i in range(9)]), "03-laplace") == "-"
    assert discrimination(class_of([(3, i) for i in range(10)]), "03-laplace") == "-"
    assert discrimination(class_of([(i, 3) for i in range(10)]), "03-laplace") == "-"


def test_the_picture_has_a_circle_for_each_number_of_points() -> None:
    page = overview_page(class_of([(0, 0), (0, 5), (10, 5), (10, 10)]), [], {})
    assert page.count("<circle") == 2 + 3
    assert page.count('class="mean"') == 2


def test_an_empty_class_has_a_page() -> None:
    empty = Gradebook("03-ngrams", {}, 0, "none", ())
    assert "Handed in 0" in text_of(overview_page(empty, [], {}))
