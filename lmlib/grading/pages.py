"""The pages of a graded class: one for each student, and an overview for the teacher.

A page is one file that fetches nothing and runs nothing, and says so to the browser (a
Content-Security-Policy that allows this very stylesheet). What comes from a student reaches it
through `_tag` alone, which escapes every text that was not made here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from lmlib.grading.exports import printable
from lmlib.grading.gradebook import Gradebook, QuestionGrade, Row
from lmlib.grading.likeness import Alike
from lmlib.translation import gettext as _

#: Of how many students a correlation is worth saying.
FEWEST = 10

#: How much of one free text is shown.
LONGEST_TEXT = 20_000

_STYLE = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --text: #222832; --quiet: #5b6570; --line: #c9c9c9; --mark: #0072b2;
  --wash: #eef4f8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14181c; --text: #e3e6e9; --quiet: #a3abb3; --line: #434b53; --mark: #56b4e9;
    --wash: #1d2a33;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 46rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", "Helvetica Neue", Arial,
    "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 2.5rem 0 0.5rem; font-size: 1.25rem; line-height: 1.3; }
h3 { margin: 1.5rem 0 0.25rem; font-size: 1rem; }
p, ul { margin: 0.5rem 0; }
ul { padding-left: 1.25rem; }
a { color: var(--mark); }
a:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
pre {
  margin: 0.5rem 0; padding: 0.75rem 1rem; background: var(--wash);
  font: 0.875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono",
    "PingFang SC", "Microsoft YaHei", "Noto Sans Mono CJK SC", monospace;
  white-space: pre-wrap; border-radius: 4px;
}
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; margin: 1rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; }
.quiet { color: var(--quiet); }
.points { font-size: 2rem; line-height: 1.2; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }
.worth { font-variant-numeric: tabular-nums; margin: 0; }
.hint { border-left: 3px solid var(--mark); padding-left: 0.75rem; }
.caution { border: 2px solid var(--text); border-radius: 4px; padding: 0.5rem 0.75rem; }
.bar { display: block; width: 100%; height: 6px; margin: 0.4rem 0; }
.track { fill: var(--line); }
.dot { fill: var(--mark); }
.picture { display: block; width: 100%; max-width: 35rem; height: auto; margin: 1rem 0; }
.picture text { fill: currentColor; font-size: 13px; }
.picture .on-dot { fill: var(--ground); font-size: 11px; text-anchor: middle; }
.picture .above { font-size: 11px; text-anchor: middle; }
.picture .end { text-anchor: end; }
.picture .middle { text-anchor: middle; }
.picture .axis { stroke: var(--line); stroke-width: 1; }
.picture .mean { stroke: currentColor; stroke-width: 2; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.5rem; }
th, td {
  padding: 0.3rem 1rem 0.3rem 0; text-align: left; vertical-align: top; font-weight: normal;
  border-bottom: 1px solid var(--line); overflow-wrap: normal;
}
thead th { color: var(--quiet); vertical-align: bottom; }
.number { text-align: right; }
.name { min-width: 8rem; max-width: 20rem; overflow-wrap: anywhere; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  a { color: inherit; text-decoration: none; }
  section, tr, li { break-inside: avoid; }
  section.long { break-inside: auto; }
  h2, h3 { break-after: avoid; }
  pre { border: 1px solid var(--line); background: none; }
  .scroll { overflow: visible; }
  th, td { overflow-wrap: anywhere; }
}
"""


class _Html(str):
    """Markup: made here, never a student's."""


def _tag(name: str, /, *inside: str, **attributes: str | int | float | None) -> _Html:
    """Make an element; every text in it and in its attributes is escaped, unless made here.

    ``class_`` stands for ``class``, ``aria_label`` for ``aria-label``. An attribute that is None is
    left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in ("meta", "line", "circle", "rect"):
        return _Html(f"<{name}{written}{'>' if name == 'meta' else '/>'}")
    return _Html(f"<{name}{written}>{_joined(inside)}</{name}>")


def _escaped(text: str) -> str:
    return html.escape(printable(text), quote=True)


def _joined(parts: Iterable[str]) -> _Html:
    return _Html("".join(part if isinstance(part, _Html) else _escaped(part) for part in parts))


def _name(text: str) -> _Html:
    """Write a name from outside so that it cannot turn the direction of what follows it."""
    return _tag("bdi", text)


def _filled(sentence: str, **values: str) -> _Html:
    """Put values into a sentence's braces as `_tag` would, and escape the sentence."""
    escaped = {key: _joined([value]) for key, value in values.items()}
    return _Html(_escaped(sentence).format(**escaped))


def _page(title: str, *inside: str) -> str:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = _tag(
        "head",
        _tag("meta", charset="utf-8"),
        "\n",
        _tag("meta", http_equiv="Content-Security-Policy", content=policy),
        "\n",
        _tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        "\n",
        _tag("meta", name="referrer", content="no-referrer"),
        "\n",
        _tag("meta", name="robots", content="noindex"),
        "\n",
        _tag("title", title),
        _Html(f"\n<style>{_STYLE}</style>\n"),
    )
    # Translators: the code of the language that you translate into, as HTML's lang wants it.
    language = _("en")
    body = _tag("body", "\n", _tag("main", "\n", *_lines(inside)), "\n")
    return f"<!DOCTYPE html>\n{_tag('html', head, _Html(chr(10)), body, lang=language)}\n"


def _lines(parts: Iterable[str]) -> Iterable[str]:
    for part in parts:
        yield part
        yield "\n"


def _section(id: str, head: str, *inside: str, long: bool = False) -> _Html:
    return _tag(
        "section",
        "\n",
        *_lines([_tag("h2", head, id=f"{id}-head"), *inside]),
        id=id,
        aria_labelledby=f"{id}-head",
        class_="long" if long else None,
    )


def _items(items: Iterable[str]) -> _Html:
    return _tag("ul", *[_tag("li", item) for item in items])


def _facts(facts: Iterable[tuple[str, str]]) -> _Html:
    return _tag(
        "dl", *[_joined([_tag("dt", fact), _tag("dd", value)]) for fact, value in facts if value]
    )


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> _Html:
    """Make a table that scrolls by itself; the first column names the row, numbers stand right."""
    lines = [
        [
            _tag(
                "td" if i else "th",
                cell,
                scope=None if i else "row",
                class_="name" if not i else ("number" if _is_number(cell) else None),
            )
            for i, cell in enumerate(row)
        ]
        for row in rows
    ]
    table = _tag(
        "table",
        _tag("caption", caption),
        _tag("thead", _tag("tr", *[_tag("th", cell, scope="col") for cell in head])),
        _tag("tbody", *_lines(_tag("tr", *cells) for cells in lines)),
    )
    return _tag("div", table, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _is_number(cell: str) -> bool:
    return cell.strip("%\u00a0 ").replace(".", "").replace("\u2212", "").isdecimal() or cell == "-"


# ---------------------------------------------------------------- a student's page


def student_page(gradebook: Gradebook, row: Row) -> str:
    """Make the page that a student is given: the points, and for each question why.

    It has nothing of another student's in it, and nothing that is for the teacher alone.
    """
    parts: list[str] = [
        _tag("p", gradebook.exercise, class_="quiet"),
        _tag("h1", _name(row.student)),
        _tag(
            "p",
            _filled(
                _("{points} of {out_of} points"),
                points=_tag("strong", str(row.points)),
                out_of=str(gradebook.out_of),
            ),
            class_="points",
        ),
    ]
    if row.record is None:
        parts.append(_tag("p", _("Nothing was handed in.")))
    else:
        parts.append(
            _facts(
                [
                    (_("File"), _name(row.file)),
                    (_("Which version counts"), _version(row)),
                    (_("Late"), _("handed in late") if row.late else ""),
                ]
            )
        )
    if gradebook.sandbox == "none":
        parts.append(_tag("p", _without_sandbox(), class_="caution"))
    if row.changes:
        parts.append(_section("changes", _("Changed by the teacher"), _items(row.changes)))
    if row.record:
        if row.record.notes:
            parts.append(_section("notes", _("About the file"), _items(row.record.notes)))
        parts += [_question(question, i) for i, question in enumerate(row.record.questions)]
    return _page(f"{gradebook.exercise}: {row.student}", *parts)


def _version(row: Row) -> str:
    if row.versions < 2:
        return ""
    return _("the last of {count} that came").format(count=row.versions)


def _without_sandbox() -> str:
    return _(
        "The code was run without a sandbox: nothing stood between it and the machine that graded "
        "it, so these grades rest on nobody having tried to change them."
    )


def _question(question: QuestionGrade, place: int) -> _Html:
    message = question.message.rstrip()
    if question.hint and message.endswith(question.hint):
        message = message[: -len(question.hint)].rstrip()
    share = min(max(question.points / question.out_of, 0.0), 1.0) if question.out_of else 0.0
    bar = _tag(
        "svg",
        _tag("rect", class_="track", width=100, height=6, rx=1),
        _tag("rect", class_="dot", width=f"{100 * share:.4g}", height=6, rx=1),
        class_="bar",
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    worth = _("{points} of {out_of} points").format(points=question.points, out_of=question.out_of)
    parts = [_tag("p", f"{worth} · {_status(question)}", class_="worth"), bar]
    if message:
        parts.append(_tag("pre", message))
    if question.hint:
        parts.append(_tag("p", question.hint, class_="hint"))
    return _section(f"question-{place + 1}", question.id, *parts)


def _status(question: QuestionGrade) -> str:
    if question.status == "wrong":
        return _("not yet; right in {right} of {cases} cases").format(
            right=question.right, cases=question.cases
        )
    words = {
        "right": _("right in all cases"),
        "to do": _("still to do"),
        "refused": _("not run: it does what an answer may not do"),
        "missing": _("no answer was found in the file"),
        "not run": _("not run: time was over before it"),
        "void": _("taken out by the teacher, for everybody"),
    }
    return words.get(question.status, question.status)


# ---------------------------------------------------------------- the overview


def overview_page(gradebook: Gradebook, alike: Sequence[Alike], page_of: Mapping[str, str]) -> str:
    """Make the teacher's page of a class.

    Parameters
    ----------
    gradebook : Gradebook
    alike : sequence of Alike
        As `lmlib.grading.likeness.alike` gives it.
    page_of : mapping of str to str
        Where each student's page lies, relative to this one; who has none is not linked.
    """
    sections: list[tuple[str, str, list[str]]] = [
        ("counts", _("The class"), _counts(gradebook)),
        ("questions", _("The questions"), _questions(gradebook)),
        ("mistakes", _("Commonest mistakes"), _mistakes(gradebook)),
        ("students", _("Students"), _students(gradebook, page_of)),
        ("remarks", _("What could not be read, and other remarks"), _remarks(gradebook)),
        ("alike", _("Answers that are alike"), _likeness(alike)),
        ("changes", _("Changed by you"), [_items(map(_wide, gradebook.changes))]),
        ("texts", _("Free text, for you to read"), _texts(gradebook)),
        ("again", _("To grade this again"), _again(gradebook)),
    ]
    if not gradebook.changes:
        sections = [section for section in sections if section[0] != "changes"]
    shown = [section for section in sections if section[2]]
    links = [_tag("a", head, href=f"#{id}") for id, head, _inside in shown]
    parts: list[str] = [
        _tag("p", _("Overview for the teacher"), class_="quiet"),
        _tag("h1", gradebook.exercise),
        _tag("nav", _items(links), aria_label=_("Contents")),
    ]
    if gradebook.sandbox == "none":
        parts.append(_tag("p", _without_sandbox(), class_="caution"))
    parts += [_section(id, head, *inside, long=True) for id, head, inside in shown]
    return _page(_("{exercise}: overview").format(exercise=gradebook.exercise), *parts)


def _wide(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"


def _counts(gradebook: Gradebook) -> list[str]:
    points = [row.points for row in gradebook.rows if row.record]
    facts = [
        (_("Students"), str(len(gradebook.rows))),
        (_("Handed in"), str(len(points))),
        (_("Late"), str(sum(row.late for row in gradebook.rows))),
        (_("Missing"), str(len(gradebook.rows) - len(points))),
    ]
    if points:
        of_all = _("{points} of {out_of} points")
        mean, median = statistics.fmean(points), statistics.median(points)
        facts += [
            (_("Mean"), of_all.format(points=f"{mean:.1f}", out_of=gradebook.out_of)),
            (_("Median"), of_all.format(points=f"{median:g}", out_of=gradebook.out_of)),
        ]
    facts.append((_("Sandbox"), gradebook.sandbox))
    parts: list[str] = [_facts(facts)]
    if gradebook.notes:
        parts.append(_items(map(_wide, gradebook.notes)))
    return parts


def _grades(gradebook: Gradebook) -> dict[str, list[QuestionGrade]]:
    """Give the grades of each question, of all who handed in."""
    grades: dict[str, list[QuestionGrade]] = {id: [] for id in gradebook.questions}
    for row in gradebook.rows:
        for question in row.record.questions if row.record else ():
            if question.id in grades and question.status != "void":
                grades[question.id].append(question)
    return grades


def _questions(gradebook: Gradebook) -> list[str]:
    grades = {id: found for id, found in _grades(gradebook).items() if found}
    if not grades:
        return []
    lines = []
    for id, found in grades.items():
        right = sum(grade.status == "right" for grade in found)
        lines.append(
            [
                id,
                str(gradebook.questions[id]),
                f"{100 * statistics.fmean(map(_share, found)):.0f} %",
                discrimination(gradebook, id),
                str(right),
                str(len(found)),
            ]
        )
    head = [
        _("Question"),
        _("Points"),
        _("Mean"),
        _("Discrimination"),
        _("All points"),
        _("Students"),
    ]
    return [
        _tag(
            "p",
            _(
                "How many students have how many points? Each circle stands over a number of "
                "points; its area, and the figure with it, is the number of students. The line "
                "is the mean."
            ),
        ),
        points_picture(grades),
        _table(_("What is known of each question"), head, lines),
        _tag(
            "p",
            _(
                "The mean is the share of a question's points that students got; a low one says a "
                "hard question. The discrimination is the correlation between the points of this "
                "question and those of all others together: near 1 where those who do well "
                "elsewhere do well here, near 0 where the question tells nothing about them, below "
                "0 where something may be wrong with it. A dash stands where fewer than {fewest} "
                "students handed in, or all have the same."
            ).format(fewest=FEWEST),
            class_="quiet",
        ),
    ]


def _share(grade: QuestionGrade) -> float:
    return grade.points / grade.out_of if grade.out_of else 0.0


def discrimination(gradebook: Gradebook, id: str) -> str:
    """Say how a question's points go with those of all others; "-" where that cannot be said.

    The corrected item-total correlation of classical test theory: the question itself is not in
    the total.
    """
    here: list[int] = []
    elsewhere: list[int] = []
    for row in gradebook.rows:
        points = {
            question.id: question.points
            for question in (row.record.questions if row.record else ())
            if question.status != "void"
        }
        if id in points:
            here.append(points.pop(id))
            elsewhere.append(sum(points.values()))
    if len(here) < FEWEST:
        return "-"
    try:
        found = statistics.correlation(here, elsewhere)
    except statistics.StatisticsError:  # one of them does not vary
        return "-"
    return f"{found:.2f}".replace("-", "\u2212").replace("\u22120.00", "0.00")


def points_picture(grades: Mapping[str, Sequence[QuestionGrade]]) -> str:
    """Draw the points of each question: a row each, a circle for each number of points.

    Parameters
    ----------
    grades : mapping of str to sequences
        By the question's id, the grades of all who handed in.

    Returns
    -------
    str
        An SVG; its stylesheet is that of the page it stands on.
    """
    left, right, tall, top = 20, 400, 58, 8
    most = max(len(found) for found in grades.values())
    parts: list[str] = []
    told: list[str] = []
    for place, (id, found) in enumerate(grades.items()):
        base = top + tall * place + 38
        counts = Counter(min(max(_share(grade), 0.0), 1.0) for grade in found)
        mean = statistics.fmean(_share(grade) for grade in found)
        parts.append(_tag("text", id, x=0, y=base - 24))
        parts.append(_tag("line", class_="axis", x1=left, y1=base, x2=right, y2=base))
        for share in sorted(counts):
            count, x = counts[share], left + share * (right - left)
            radius = max(16 * math.sqrt(count / most), 1.5)
            parts.append(_tag("circle", class_="dot", cx=f"{x:.1f}", cy=base, r=f"{radius:.1f}"))
            if radius > 4 + 3 * len(str(count)):
                at, y = "on-dot", base + 4.0
            else:
                at, y = "above", base - radius - 3
            parts.append(_tag("text", str(count), class_=at, x=f"{x:.1f}", y=f"{y:.1f}"))
        x = left + min(max(mean, 0.0), 1.0) * (right - left)
        parts.append(
            _tag("line", class_="mean", x1=f"{x:.1f}", y1=base - 18, x2=f"{x:.1f}", y2=base + 18)
        )
        told.append(
            _("{id}: a mean of {mean} % of the points, {right} of {count} with all of them").format(
                id=id,
                mean=f"{100 * mean:.0f}",
                right=counts.get(1.0, 0),
                count=len(found),
            )
        )
    bottom = top + tall * len(grades) + 16
    for share, where in [(0.0, None), (0.5, "middle"), (1.0, "end")]:
        text = _("{share} % of the points") if share == 1 else "{share} %"
        parts.append(
            _tag(
                "text",
                text.format(share=f"{100 * share:.0f}"),
                x=left + share * (right - left) + (16 if share == 1 else 0),
                y=bottom,
                class_=where,
            )
        )
    return _tag(
        "svg",
        _tag("title", _("Points of each question")),
        _tag("desc", "; ".join(told)),
        *_lines(parts),
        class_="picture",
        viewBox=f"0 0 420 {bottom + 8}",
        role="img",
    )


def _mistakes(gradebook: Gradebook) -> list[str]:
    lines = []
    for id, found in _grades(gradebook).items():
        names = Counter(grade.mistake for grade in found if grade.mistake)
        for name, count in sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:3]:
            lines.append([id, name, str(count)])
    if not lines:
        return []
    head = [_("Question"), _("Mistake"), _("Students")]
    return [_table(_("At most three for each question"), head, lines)]


def _students(gradebook: Gradebook, page_of: Mapping[str, str]) -> list[str]:
    lines = []
    for row in gradebook.rows:
        name = _name(row.student)
        where = page_of.get(row.student)
        lines.append(
            [
                name if where is None else _tag("a", name, href=_address(where)),
                "-" if row.record is None else str(row.points),
                _("late") if row.late else "",
                str(row.versions) if row.versions > 1 else "",
                _name(row.file),
            ]
        )
    head = [_("Student"), _("Points"), _("Late"), _("Versions"), _("File that counts")]
    caption = _("Points of {out_of}").format(out_of=gradebook.out_of)
    parts: list[str] = [_table(caption, head, lines)]
    missing = [_name(row.student) for row in gradebook.rows if row.record is None]
    if missing:
        parts += [_tag("h3", _("Nothing came from")), _items(missing)]
    if gradebook.unmatched:
        parts += [
            _tag("h3", _("Handed in, and not on the roster")),
            _items(map(_name, gradebook.unmatched)),
        ]
    return parts


def _address(path: str) -> str:
    """Write a relative path as a link: no scheme, no host, whatever its characters are."""
    return quote(printable(path).lstrip("/\\"), safe="/")


def _remarks(gradebook: Gradebook) -> list[str]:
    lines = [
        _filled("{name}: {remark}", name=_name(row.student), remark=_wide(remark))
        for row in gradebook.rows
        if row.record
        for remark in row.record.remarks
    ]
    return [_items(lines)] if lines else []


def _likeness(alike: Sequence[Alike]) -> list[str]:
    parts: list[str] = [
        _tag(
            "p",
            _(
                "This is a list of what to look at, and never a verdict: people who think alike "
                "write alike, more so where a question leaves little room. Names, comments and "
                "layout are not compared; the likeness is the share of what two answers have in "
                "common. Very short answers are not in it."
            ),
        )
    ]
    lists = [
        (_("Like the public solution"), [entry for entry in alike if entry.public]),
        (_("Like each other"), [entry for entry in alike if not entry.public]),
    ]
    head = [_("Question"), _("Students"), _("Likeness")]
    for name, entries in lists:
        parts.append(_tag("h3", name))
        if not entries:
            parts.append(_tag("p", _("none")))
            continue
        lines = []
        for entry in entries:
            students = [_tag("li", _name(student)) for student in entry.students]
            lines.append([entry.question, _tag("ul", *students), f"{100 * entry.likeness:.0f} %"])
        parts.append(_table(name, head, lines))
    return parts


def _texts(gradebook: Gradebook) -> list[str]:
    parts: list[str] = []
    for row in gradebook.rows:
        texts = row.record.free_text if row.record else ()
        if texts:
            parts.append(_tag("h3", _name(row.student)))
            parts += [_tag("pre", _wide(text)) for text in texts]
    return parts


def _again(gradebook: Gradebook) -> list[str]:
    return [
        _tag(
            "p",
            _filled(
                _(
                    "The cases were drawn from the seed {seed}. Grade the same files with "
                    "{option}, and every answer meets the same cases and is worth the same."
                ),
                seed=_tag("code", str(gradebook.seed)),
                option=_tag("code", f"--seed {gradebook.seed}"),
            ),
        )
    ]
