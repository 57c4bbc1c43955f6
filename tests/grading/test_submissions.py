"""Who handed in what is read from any folder or zip, and nothing in it leads anywhere else."""

import io
import os
import stat
import sys
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmlib.errors import InputError
from lmlib.grading import submissions
from lmlib.grading.submissions import Submission, collect, counted

EXERCISE = "03-ngrams"
Put = Callable[[dict[str, bytes]], Path]


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def in_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(params=["folder", "zip", "zip with a folder around it"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Put:
    def make(files: dict[str, bytes]) -> Path:
        if request.param == "folder":
            return in_folder(tmp_path / "class", files)
        around = "class/" if request.param != "zip" else ""
        path = tmp_path / "class.zip"
        path.write_bytes(zipped({around + name: content for name, content in files.items()}))
        return path

    return make


def told(path: Path) -> list[tuple[str, str, bytes]]:
    return [(one.student, one.name, one.read()) for one in collect(path, EXERCISE)]


# ---------------------------------------------------------------- what teachers have


def test_a_folder_of_notebooks(put: Put) -> None:
    path = put(
        {
            "bob_03-ngrams.ipynb": b"1",
            "03-ngrams alice.ipynb": b"2",
            "03-Ngrams_Group-1.ipynb": b"3",
            "carol.ipynb": b"4",
            "李雷-03_ngrams (1).ipynb": b"5",
            "roster.csv": b"",
            ".ipynb_checkpoints/bob_03-ngrams-checkpoint.ipynb": b"",
            "__MACOSX/._bob_03-ngrams.ipynb": b"",
            ".DS_Store": b"",
        }
    )
    assert told(path) == [
        ("alice", "03-ngrams alice.ipynb", b"2"),
        ("bob", "bob_03-ngrams.ipynb", b"1"),
        ("carol", "carol.ipynb", b"4"),
        ("Group-1", "03-Ngrams_Group-1.ipynb", b"3"),
        ("李雷", "李雷-03_ngrams (1).ipynb", b"5"),
    ]


def test_a_folder_of_folders(put: Put) -> None:
    path = put(
        {
            "alice/03-ngrams.ipynb": b"1",
            "alice/.ipynb_checkpoints/03-ngrams-checkpoint.ipynb": b"",
            "alice/notes.ipynb": b"",
            "bob/hw/my 03-ngrams (1).ipynb": b"2",
            "carol/work.ipynb": b"3",
            "carol/data.txt": b"",
            "dave/03-ngrams.py": b"4",
        }
    )
    assert told(path) == [
        ("alice", "03-ngrams.ipynb", b"1"),
        ("bob", "hw/my 03-ngrams (1).ipynb", b"2"),
        ("carol", "work.ipynb", b"3"),
        ("dave", "03-ngrams.py", b"4"),
    ]


@pytest.mark.parametrize("around", ["", "submitted/", "course/submitted/"])
def test_nbgraders_folders(put: Put, around: str) -> None:
    path = put(
        {
            f"{around}alice/03-ngrams/03-ngrams.ipynb": b"1",
            f"{around}alice/03-ngrams/timestamp.txt": b"2026-02-02 15:58:23.948203 UTC\n",
            f"{around}alice/02-text/02-text.ipynb": b"",
            f"{around}bob/03-ngrams/work.ipynb": b"2",
            f"{around}bob/03-ngrams/timestamp.txt": b"2026-02-02 09:58:23 America/New_York",
            f"{around}carol/02-text/02-text.ipynb": b"",
            f"{around}carol/02-text/timestamp.txt": b"2026-02-02 09:58:23 UTC",
            f"{around}dave/03-ngrams/03-ngrams.ipynb": b"3",
            f"{around}dave/03-ngrams/timestamp.txt": b"../../etc/passwd ../../etc/passwd",
        }
    )
    found = collect(path, EXERCISE)
    assert [(one.student, one.read()) for one in found] == [
        ("alice", b"1"),
        ("bob", b"2"),
        ("dave", b"3"),
    ]
    assert found[0].when == pytest.approx(1770047903.948203)
    assert found[1].when in (1770044303.0, None)  # None where there are no time zones
    assert found[2].when is None


def test_the_rest_of_a_course_beside_submitted_is_left_alone(tmp_path: Path) -> None:
    files = {"source/03-ngrams/03-ngrams.ipynb": b"", "gradebook.db": b"", "README.md": b""}
    path = in_folder(tmp_path, files | {"submitted/alice/03-ngrams/03-ngrams.ipynb": b"1"})
    assert told(path) == [("alice", "03-ngrams/03-ngrams.ipynb", b"1")]


def test_a_canvas_download(put: Put) -> None:
    path = put(
        {
            "doejane_LATE_101_5001_03-ngrams-1.ipynb": b"1",
            "smithbob_102_5002_03-ngrams.ipynb": b"2",
            "liwei_103_5003_03-ngrams.ipynb": b"3",
            "liwei_104_5004_homework-2.ipynb": b"4",
            "obrien_105_5005_work.zip": zipped({"work/03-ngrams.ipynb": b"5"}),
            "late_106_5006_text.html": b"6",
        }
    )
    found = collect(path, EXERCISE)
    assert [(one.student, one.identity, one.late, one.version, one.read()) for one in found] == [
        ("doejane", "101", True, 2, b"1"),
        ("late", "106", False, 1, b"6"),
        ("liwei (103)", "103", False, 1, b"3"),
        ("liwei (104)", "104", False, 3, b"4"),
        ("obrien", "105", False, 1, b"5"),
        ("smithbob", "102", False, 1, b"2"),
    ]
    assert found[0].name == "doejane_LATE_101_5001_03-ngrams-1.ipynb", "Canvas knows it by this"
    assert found[4].name == "work/03-ngrams.ipynb"


def test_a_moodle_download(put: Put) -> None:
    path = put(
        {
            "Jane Doe_1234567_assignsubmission_file_/03-ngrams.ipynb": b"1",
            "Jane Doe_1234567_assignsubmission_onlinetext_/onlinetext.html": b"",
            "王 伟_11_assignsubmission_file_/a.ipynb": b"2",
            "王 伟_12_assignsubmission_file_/b.zip": zipped({"x/c.ipynb": b"3", "data.txt": b""}),
            "Under_Score_13_assignsubmission_file_/d.docx": b"4",
            "Flat One_14_assignsubmission_file_03-ngrams.ipynb": b"5",
        }
    )
    found = collect(path, EXERCISE)
    assert [(one.student, one.identity, one.name, one.read()) for one in found] == [
        ("Flat One", "14", "03-ngrams.ipynb", b"5"),
        ("Jane Doe", "1234567", "03-ngrams.ipynb", b"1"),
        ("Under_Score", "13", "d.docx", b"4"),
        ("王 伟 (11)", "11", "a.ipynb", b"2"),
        ("王 伟 (12)", "12", "x/c.ipynb", b"3"),
    ]


def test_one_notebook_is_a_class_of_one(tmp_path: Path) -> None:
    path = tmp_path / "alice-03-ngrams.ipynb"
    path.write_bytes(b"1")
    assert told(path) == [("alice", path.name, b"1")]


def test_a_class_of_one_in_a_folder_keeps_the_students_name(put: Put) -> None:
    assert told(put({"alice/03-ngrams.ipynb": b"1", "alice/x.ipynb": b""}))[0][0] == "alice"


def test_the_last_of_several_versions_is_the_one_that_counts(put: Put) -> None:
    names = ["a 03-ngrams (10).ipynb", "a 03-ngrams (2).ipynb", "a 03-ngrams.ipynb", "b.ipynb"]
    students = counted(collect(put({name: name.encode() for name in names}), EXERCISE))
    assert list(students) == ["a", "b"]
    assert [one.version for one in students["a"]] == [1, 3, 11]
    assert students["a"][-1].read() == names[0].encode()


def test_a_file_that_can_be_had_goes_before_one_that_cannot(tmp_path: Path) -> None:
    path = in_folder(
        tmp_path, {"alice/work.ipynb": b"1", "alice/readme.txt": b"", "b/b.ipynb": b""}
    )
    (path / "alice" / "03-ngrams.ipynb").symlink_to("/etc/passwd")
    assert [one.read() for one in collect(path, EXERCISE)] == [b"1", b""]


def test_the_order_does_not_depend_on_the_order_on_disk(put: Put) -> None:
    names = [f"{student}{suffix}.ipynb" for student in "ZaÄbB" for suffix in ("", " (1)", " (2)")]
    path = put(dict.fromkeys(names, b""))
    once = collect(path, EXERCISE)
    with patch.object(submissions, "_entries", lambda p, f=submissions._entries: f(p)[::-1]):
        assert collect(path, EXERCISE) == once
    assert [one.student for one in once] == sorted(
        (one.student for one in once), key=lambda name: (name.casefold(), name)
    )


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    path = in_folder(tmp_path, {f"{number}.ipynb": b"1" for number in range(5)})
    with patch.object(submissions, "_opened", side_effect=AssertionError):
        found = collect(path, EXERCISE)
    (path / "3.ipynb").unlink()
    assert [one.student for one in found] == list("01234")
    with pytest.raises(InputError, match="cannot be opened"):
        found[3].read()


@pytest.mark.parametrize("make", ["missing", "text", "broken zip", "empty"])
def test_what_is_no_class_at_all_is_said_to_the_teacher(tmp_path: Path, make: str) -> None:
    path = tmp_path / "class.zip"
    if make == "text":
        path.write_text("hello")
    elif make == "broken zip":
        path.write_bytes(zipped({"a.ipynb": b"1", "b.ipynb": b"2"})[30:])
    elif make == "empty":
        path.write_bytes(zipped({}))
        assert collect(path, EXERCISE) == []
        return
    with pytest.raises(InputError) as raised:
        for one in collect(path, EXERCISE):
            one.read()
    assert "Error" not in str(raised.value)


# ---------------------------------------------------------------- attacks


def problem_of(submission: Submission) -> str:
    with pytest.raises(InputError) as raised:
        submission.read()
    assert "Error" not in str(raised.value) and "\n" not in str(raised.value)
    return str(raised.value)


def archive_of(tmp_path: Path, *infos: tuple[zipfile.ZipInfo, bytes]) -> Path:
    path = tmp_path / "class.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of names that repeat
        for info, content in infos:
            archive.writestr(info, content)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")
def test_links_pipes_and_loops_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    path = in_folder(tmp_path / "class", {"alice/03-ngrams.ipynb": b"1"})
    (path / "bob.ipynb").symlink_to(secret)
    (path / "carol").symlink_to(tmp_path)
    (path / "dave").mkdir()
    (path / "dave" / "loop").symlink_to(path)
    os.mkfifo(path / "eve.ipynb")
    os.link(secret, tmp_path / "class" / "frank.ipynb")  # a plain file, whatever its other names
    found = {one.student: one for one in collect(path, EXERCISE)}
    assert list(found) == ["alice", "bob", "carol", "dave", "eve", "frank"]
    for student in ("bob", "carol", "dave"):
        assert "link" in problem_of(found[student])
    assert "plain file" in problem_of(found["eve"])


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")
def test_a_link_put_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    path = in_folder(tmp_path / "class", {"alice.ipynb": b"1", "bob.ipynb": b"2"})
    found = collect(path, EXERCISE)
    (path / "alice.ipynb").unlink()
    (path / "alice.ipynb").symlink_to("/etc/passwd")
    (path / "bob.ipynb").unlink()
    os.mkfifo(path / "bob.ipynb")
    assert all(problem_of(one) for one in found)


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.ipynb",
        "/etc/evil.ipynb",
        "a/../../evil.ipynb",
        "C:\\evil.ipynb",
        "..\\evil.ipynb",
    ],
)
def test_a_name_that_leads_out_of_the_zip_is_a_problem(tmp_path: Path, name: str) -> None:
    path = archive_of(tmp_path, (zipfile.ZipInfo(name), b"1"), (zipfile.ZipInfo("bob.ipynb"), b"2"))
    evil, bob = sorted(collect(path, EXERCISE), key=lambda one: one.student == "bob")
    assert (evil.student, bob.read()) == ("evil", b"2")
    assert "leads out" in problem_of(evil)
    assert [file.name for file in tmp_path.iterdir()] == ["class.zip"]


def test_a_link_or_a_device_in_a_zip_is_a_problem(tmp_path: Path) -> None:
    infos = []
    for name, mode in (("a", stat.S_IFLNK), ("b", stat.S_IFBLK), ("c", stat.S_IFREG)):
        info = zipfile.ZipInfo(f"{name}.ipynb")
        info.external_attr = (mode | 0o777) << 16
        infos.append((info, b"/etc/passwd"))
    a, b, c = collect(archive_of(tmp_path, *infos), EXERCISE)
    assert "link" in problem_of(a) and "plain file" in problem_of(b) and c.read()


def test_names_that_repeat_in_a_zip_are_files_of_their_own(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("alice.ipynb")
    found = collect(archive_of(tmp_path, (info, b"1"), (zipfile.ZipInfo(info.filename), b"2")), "x")
    assert [one.read() for one in found] == [b"1", b"2"]
    assert len(counted(found)) == 1


@pytest.mark.parametrize("nested", [False, True])
def test_a_zip_bomb_stops_at_the_limit(
    tmp_path: Path, nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "LARGEST_FILE", 10**6)
    bomb = zipped({"03-ngrams.ipynb": bytes(3 * 10**6)})
    assert len(bomb) < 10**4
    honest = zipped({"03-ngrams.ipynb": bytes(10**6)})
    lying = bomb.replace((3 * 10**6).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != bomb
    files = {f"{name}.zip": one for name, one in zip("abc", (honest, bomb, lying), strict=True)}
    path = tmp_path / "class"
    if nested:
        path = tmp_path / "class.zip"
        path.write_bytes(zipped(files))
    else:
        in_folder(path, files)
    a, b, c = collect(path, EXERCISE)
    assert len(a.read()) == 10**6
    assert "larger than" in problem_of(b)
    assert problem_of(c)


def test_a_file_larger_than_the_limit_is_a_problem_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = in_folder(tmp_path, {"a.ipynb": b"123"})
    (found,) = collect(path, EXERCISE)
    monkeypatch.setattr(submissions, "LARGEST_FILE", 2)
    assert "larger than" in problem_of(found)  # it grew
    assert "larger than" in problem_of(*collect(path, EXERCISE))


def test_a_zip_of_a_hundred_thousand_files_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "MOST_FILES", 10**6)
    entry = zipped({"a.ipynb": b""})
    directory = entry.index(b"PK\1\2")
    end = entry.index(b"PK\5\6")
    many = entry[directory:end] * 100_000
    tail = bytearray(entry[end:])
    tail[12:16] = len(many).to_bytes(4, "little")
    path = in_folder(tmp_path, {"a.zip": entry[:directory] + many + bytes(tail), "b.ipynb": b"1"})
    a, b = collect(path, EXERCISE)
    assert "too many files" in problem_of(a) and b.read() == b"1"


def test_a_students_zip_may_hold_no_class(tmp_path: Path) -> None:
    many = zipped({f"{number}.ipynb": b"" for number in range(submissions.MOST_FILES + 1)})
    (found,) = collect(in_folder(tmp_path, {"alice/x.zip": many}), EXERCISE)
    assert "too many files" in problem_of(found)


def test_a_zip_in_a_zip_of_a_student_stays_closed(tmp_path: Path) -> None:
    inner = zipped({"in.zip": zipped({"03-ngrams.ipynb": b"1"})})
    (found,) = collect(in_folder(tmp_path, {"alice/x.zip": inner}), EXERCISE)
    assert found.name == "in.zip" and found.read().startswith(b"PK")


def test_an_encrypted_zip_and_a_strange_one_are_problems(tmp_path: Path) -> None:
    good = zipped({"03-ngrams.ipynb": b"1"})
    encrypted, strange = bytearray(good), bytearray(good)
    directory = good.index(b"PK\1\2")
    encrypted[6] |= 1
    encrypted[directory + 8] |= 1
    strange[8] = strange[directory + 10] = 14
    path = in_folder(tmp_path, {"a.zip": bytes(encrypted), "b.zip": bytes(strange)})
    a, b = collect(path, EXERCISE)
    assert "encrypted" in problem_of(a) and "packed in a way" in problem_of(b)


def test_an_empty_zip_and_a_damaged_one_are_problems(tmp_path: Path) -> None:
    good = zipped({"03-ngrams.ipynb": bytes(1000)})
    files = {"a.zip": zipped({}), "b.zip": good[:-20], "c.zip": b"", "d.zip": b"PK" * 50}
    found = collect(in_folder(tmp_path, files), EXERCISE)
    assert [one.student for one in found] == list("abcd")
    assert all(problem_of(one) for one in found)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("李雷.ipynb".encode("gb2312"), "李雷"),
        ("李雷.ipynb".encode(), "李雷"),
        ("Müller.ipynb".encode("cp437"), "Müller"),
        (unicodedata.normalize("NFD", "Zoë.ipynb").encode(), "Zoë"),
    ],
)
def test_names_in_a_zip_are_read_in_their_encoding(tmp_path: Path, raw: bytes, name: str) -> None:
    stand_in = "x" * len(raw)
    path = tmp_path / "class.zip"
    path.write_bytes(zipped({stand_in: b"1"}).replace(stand_in.encode(), raw))
    (found,) = collect(path, EXERCISE)
    assert (found.student, found.read()) == (name, b"1")


@pytest.mark.skipif(sys.platform != "linux", reason="names are no bytes there")
def test_a_name_that_is_no_text_is_shown_as_one(tmp_path: Path) -> None:
    for name in (b"\xff\xfe.ipynb", b"a\nb\x1b[31m.ipynb", "\u202egnp.ipynb".encode()):
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(b"1")
    found = collect(tmp_path, EXERCISE)
    assert len({one.student for one in found}) == 3
    for one in found:
        assert one.read() == b"1"
        assert (one.student + one.name).encode().decode().isprintable()


def test_long_names_are_cut_and_stay_apart(tmp_path: Path) -> None:
    names = ["a" * 60_000 + letter + "a" * 5000 + ".ipynb" for letter in "bcd"]
    found = collect(archive_of(tmp_path, *((zipfile.ZipInfo(name), b"1") for name in names)), "x")
    assert len({one.student for one in found}) == 3
    assert all(len(one.student) < 150 and len(one.name) < 150 and one.read() for one in found)


def test_folders_too_deep_in_each_other_are_a_problem(tmp_path: Path) -> None:
    path = in_folder(tmp_path / "class", {"/".join("a" * 30) + "/x.ipynb": b"1", "b.ipynb": b"2"})
    a, b = collect(path, EXERCISE)
    assert "too deep" in problem_of(a) and b.read() == b"2"


CLASS = zipped({"a_03-ngrams.ipynb": b"1" * 50, "b/x.zip": zipped({"y.ipynb": b"2" * 50})})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(CLASS) - 1), st.integers(0, 9), st.binary(max_size=9))
def test_any_damage_to_a_zip_ends_in_a_sentence(
    tmp_path: Path, start: int, cut: int, put: bytes
) -> None:
    content = CLASS[:start] + put + CLASS[start + cut :]
    for files in ({"class.zip": content}, {"class/alice/work.zip": content}):
        in_folder(tmp_path, files)
    for path in (tmp_path / "class.zip", tmp_path / "class"):
        try:
            for one in collect(path, EXERCISE):
                assert one.student
                one.read()
        except InputError as error:
            assert str(error).endswith(".")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=4, max_size=4), min_size=1))
def test_any_names_give_students_that_can_be_shown(tmp_path: Path, names: list[bytes]) -> None:
    content = zipped({f"{number:04}.ipynb": b"1" for number in range(len(names))})
    for number, name in enumerate(names):
        content = content.replace(b"%04d.ipynb" % number, name + b".ipynb")
    path = tmp_path / "class.zip"
    path.write_bytes(content)
    for one in collect(path, EXERCISE):
        assert one.student.strip()
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in one.student + one.name)


def test_a_name_that_is_empty_or_ends_early_stops_nobody_else(tmp_path: Path) -> None:
    content = zipped({"xyz.ipynb": b"1", "bob.ipynb": b"2"}).replace(b"xyz.", b"\0yz.")
    (tmp_path / "class.zip").write_bytes(content)
    found = collect(tmp_path / "class.zip", EXERCISE)
    assert len(found) == 2 and found[-1].student and b"2" in [one.read() for one in found]
