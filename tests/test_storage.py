"""Storage: what is saved comes back, nothing is half-written, and damage is named."""

import json
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file
from table_model import TableLM

from lmlib import storage
from lmlib.errors import InputError
from lmlib.ngram import KneserNey, train_ngram
from lmlib.storage import ARRAYS, CONFIG, KINDS, VOCABULARY, load, save
from lmlib.text import SPECIAL_TOKENS, TextFormat, Vocab


@pytest.fixture(autouse=True)
def table_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new kind of model takes: one line in the table."""
    monkeypatch.setitem(KINDS, "table", "table_model:TableLM")


def a_model(seed: int = 0, letters: int = 2) -> TableLM:
    size = 3 + letters
    return TableLM.from_weights(np.random.default_rng(seed).random((size, size, size)))


def table_of(path: Path) -> npt.NDArray:
    model = load(path)
    assert isinstance(model, TableLM)
    return model.table


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(a_model(), tmp_path / "model")
    return tmp_path / "model"


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(content)), encoding="utf-8")


# ---------------------------------------------------------------- what comes back


def test_what_is_saved_comes_back_exactly(saved: Path) -> None:
    model, original = load(saved), a_model()
    assert isinstance(model, TableLM)
    np.testing.assert_array_equal(model.table, original.table)
    assert model.vocab.tokens == original.vocab.tokens
    assert model.text_format == original.text_format


def test_an_ngram_comes_back_and_predicts_the_same(tmp_path: Path) -> None:
    form = TextFormat("words", "sentence", lower=True)
    text = "The cat 吃 <unk>\nthe dog ate it\nthe cat ate\n" * 3
    model = train_ngram(text, 3, KneserNey(), form)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.text_format == form
    assert again.vocab.tokens == model.vocab.tokens
    assert again.vocab.counts.tolist() == model.vocab.counts.tolist()
    inputs = np.array([[1, 3, 4, 5, 0, 6, 4]])
    targets = np.array([[3, 4, 5, 0, 6, 4, 2]])
    expected, _ = model.token_logprobs(inputs, targets)
    np.testing.assert_array_equal(again.token_logprobs(inputs, targets)[0], expected)


def test_the_folder_holds_three_files_that_others_may_read(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == {CONFIG, VOCABULARY, ARRAYS}
    assert len({path.stat().st_mode for path in saved.iterdir()}) == 1
    config = json.loads((saved / CONFIG).read_text(encoding="utf-8"))
    assert config["format"] == 1
    assert config["kind"] == "table"
    assert config["text"] == {"tokens": "characters", "unit": "sentence", "lower": False}


def test_chinese_tokens_are_readable_in_the_files(tmp_path: Path) -> None:
    save(train_ngram("我 喜欢 面条\n", 1, text_format=TextFormat("whitespace")), tmp_path / "m")
    assert "喜欢" in (tmp_path / "m" / VOCABULARY).read_text(encoding="utf-8")


def test_every_kind_in_the_table_is_a_class_that_can_be_stored() -> None:
    pytest.importorskip("torch")
    for kind, place in KINDS.items():
        module, _, name = place.partition(":")
        found = getattr(__import__(module, fromlist=[name]), name)
        assert found.kind == kind
        assert all(hasattr(found, part) for part in ("stored_config", "arrays", "from_parts"))


def a_neural_model(kind: str) -> Any:
    pytest.importorskip("torch")
    from lmlib.recurrent import RecurrentConfig, RecurrentLM
    from lmlib.window import WindowConfig, WindowLM

    vocab = Vocab([*SPECIAL_TOKENS, "a", "b"])
    text_format = TextFormat("characters", "stream")
    if kind == "window":
        return WindowLM(WindowConfig(3, 4, 5), vocab, text_format)
    return RecurrentLM(RecurrentConfig("rnn", 4, 5, 2, "relu", 0.1), vocab, text_format)


@pytest.mark.parametrize("kind", ["window", "recurrent"])
@pytest.mark.parametrize("double", [False, True])
def test_a_neural_model_comes_back_as_it_was(tmp_path: Path, kind: str, double: bool) -> None:
    model = a_neural_model(kind)
    model = model.double() if double else model
    save(model, tmp_path / "m")
    back = load(tmp_path / "m")
    assert type(back) is type(model)
    assert back.config == model.config  # type: ignore[attr-defined]
    assert (back.vocab, back.text_format) == (model.vocab, model.text_format)
    targets = np.array([[3, 4, 4, 0, 3]])
    expected, _ = model.token_logprobs(targets, targets)
    found, _ = back.token_logprobs(targets, targets)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["window", "recurrent"])
def test_weights_that_do_not_belong_to_the_configuration_are_named(
    tmp_path: Path, kind: str
) -> None:
    save(a_neural_model(kind), tmp_path / "m")
    config = json.loads((tmp_path / "m" / CONFIG).read_text("utf-8"))
    config["model"]["hidden"] = 6
    (tmp_path / "m" / CONFIG).write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match=r"W_\w+ has the shape .*; this model needs .*6"):
        load(tmp_path / "m")
    config["model"]["size"] = 6
    (tmp_path / "m" / CONFIG).write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match="wrong value"):
        load(tmp_path / "m")


def test_a_kind_that_is_not_in_the_table_is_refused(tmp_path: Path) -> None:
    model = a_model()
    model.kind = "pickle"
    with pytest.raises(
        InputError, match="'pickle' cannot be stored, only ngram, window, recurrent, filler, table"
    ):
        save(model, tmp_path / "model")
    assert not any(tmp_path.iterdir())


# ---------------------------------------------------------------- where it is written


def test_an_older_model_is_replaced(saved: Path) -> None:
    save(a_model(seed=1, letters=3), saved)
    np.testing.assert_array_equal(table_of(saved), a_model(1, 3).table)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    save(a_model(), tmp_path / "model")
    load(tmp_path / "model")


def test_a_link_to_a_folder_stays_a_link(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("model")
    save(a_model(seed=1), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    np.testing.assert_array_equal(table_of(saved), a_model(1).table)


def _something_else(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("ten years of work")


def _another_config(folder: Path) -> None:
    folder.mkdir()
    (folder / CONFIG).write_text('{"hidden_size": 768}')


def _a_model_and_more(folder: Path) -> None:
    save(a_model(), folder)
    (folder / "notes.txt").write_text("mine")


def _a_file(folder: Path) -> None:
    folder.write_text("a text")


@pytest.mark.parametrize(
    "occupy",
    [_something_else, _another_config, _a_model_and_more, _a_file],
    ids=lambda f: f.__name__,
)
def test_what_is_no_model_is_never_overwritten(
    occupy: Callable[[Path], None], tmp_path: Path
) -> None:
    target = tmp_path / "model"
    occupy(target)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="choose another name"):
        save(a_model(), target)
    assert contents(tmp_path) == before


def test_a_missing_folder_around_the_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere.*make it"):
        save(a_model(), tmp_path / "nowhere" / "model")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk that fills up, as far as a process can see."""
    resource = pytest.importorskip("resource", reason="no limits to set on this system")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [10, 250, 1000])  # in each of the three files
def test_a_full_disk_leaves_the_old_model_and_nothing_else(saved: Path, size: int) -> None:
    before = contents(saved.parent)
    with files_no_larger_than(size), pytest.raises(OSError, match="large"):
        save(a_model(seed=1), saved)
    assert contents(saved.parent) == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_full_disk_leaves_nothing_where_there_was_nothing(tmp_path: Path) -> None:
    with files_no_larger_than(1000), pytest.raises(OSError, match="large"):
        save(a_model(), tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_a_rename_that_fails_puts_the_old_model_back(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(saved.parent)
    rename = os.rename

    def fail_for_the_new(source: Path, target: Path) -> None:
        if str(source).endswith(".new"):
            raise OSError("the disk is gone")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="gone"):
        save(a_model(seed=1), saved)
    assert contents(saved.parent) == before


def test_an_interruption_leaves_nothing_behind(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = contents(saved.parent)
    monkeypatch.setattr(storage, "save_file", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(a_model(seed=1), saved)
    assert contents(saved.parent) == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


# ---------------------------------------------------------------- what cannot be loaded


def set_field(field: str, value: object) -> Callable[[Any], Any]:
    return lambda content: content | {field: value}


def without(field: str) -> Callable[[Any], Any]:
    return lambda content: {name: content[name] for name in content if name != field}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (CONFIG, set_field("format", 2), r"newer lmlib-book \(format 2; .*upgrade"),
        (CONFIG, set_field("format", "1"), "no 'format'"),
        (CONFIG, without("kind"), "no 'kind'"),
        (CONFIG, set_field("kind", "os:system"), "'os:system' is not known, only ngram, window"),
        (CONFIG, set_field("text", {"tokens": "words", "unit": "page"}), "unit=.page."),
        (CONFIG, set_field("text", {"tokens": "runes", "unit": "stream"}), "tokens='runes'"),
        (CONFIG, set_field("text", {"path": "/etc/passwd"}), "wrong value"),
        (CONFIG, set_field("text", {"tokens": ["words"]}), "wrong value"),
        (CONFIG, set_field("model", []), "no 'model'"),
        (CONFIG, set_field("vocabulary", 7), "5 tokens where config.json says 7"),
        (CONFIG, lambda _: [1], "no 'format'"),
        (VOCABULARY, lambda _: ["a"], "no vocabulary"),
        (VOCABULARY, without("counts"), "no vocabulary"),
        (VOCABULARY, set_field("tokens", [1, 2, 3]), "no vocabulary"),
        (VOCABULARY, set_field("counts", [0, 0, 0, 0, -1]), "no vocabulary"),
        (VOCABULARY, set_field("counts", [0, 0, 0, 0, 1 << 70]), "no vocabulary"),
        (VOCABULARY, set_field("counts", [0, 0]), "counts of shape"),
        (VOCABULARY, set_field("tokens", ["a", "b", "<unk>", "<bos>", "<eos>"]), "begins with"),
        (VOCABULARY, set_field("tokens", ["<unk>", "<bos>", "<eos>", "a", "a"]), "'a' twice"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(
    saved: Path, name: str, change: Callable[[Any], Any], message: str
) -> None:
    edit(saved / name, change)
    with pytest.raises(InputError, match=message) as error:
        load(saved)
    assert str(saved) in str(error.value)


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
@pytest.mark.parametrize("content", [b"", b'{"format": 1', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_named(saved: Path, name: str, content: bytes) -> None:
    (saved / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: this is not JSON"):
        load(saved)


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY, ARRAYS])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=f"no model folder; it holds no {name}"):
        load(saved)


def test_arrays_cut_off_anywhere_are_named(saved: Path) -> None:
    whole = (saved / ARRAYS).read_bytes()
    for length in (0, 4, 8, 20, len(whole) // 2, len(whole) - 1):
        (saved / ARRAYS).write_bytes(whole[:length])
        with pytest.raises(InputError, match=f"{ARRAYS}: damaged or incomplete"):
            load(saved)


def test_arrays_of_a_type_that_numpy_does_not_have_are_named(saved: Path) -> None:
    header = {"table": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    (saved / ARRAYS).write_bytes(struct.pack("<Q", len(text)) + text + b"0000")
    with pytest.raises(InputError, match="damaged or incomplete"):
        load(saved)


def test_nothing_is_unpickled(saved: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (os.mkdir, (str(tmp_path / "exploded"),))

    for name in (ARRAYS, CONFIG, VOCABULARY):
        (saved / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(InputError):
            load(saved)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("change", ["missing", "shorter", "type"])
def test_an_ngram_whose_arrays_do_not_fit_is_refused(tmp_path: Path, change: str) -> None:
    save(train_ngram("a b c\nb c a\n", 2, KneserNey()), tmp_path / "model")
    path = tmp_path / "model" / ARRAYS
    arrays = load_file(path)
    if change == "missing":
        del arrays["words.2"]
    elif change == "shorter":
        arrays["logprobs.2"] = arrays["logprobs.2"][:-1]
    else:
        arrays["logprobs.2"] = arrays["logprobs.2"].astype(np.float32)
    save_file(arrays, path)
    with pytest.raises(InputError, match=r"model: the array (words|logprobs)\.2"):
        load(tmp_path / "model")


def test_an_ngram_whose_settings_are_missing_is_refused(tmp_path: Path) -> None:
    save(train_ngram("a b c\nb c a\n", 2, KneserNey()), tmp_path / "model")
    edit(tmp_path / "model" / CONFIG, set_field("model", {}))
    with pytest.raises(InputError, match="the model lacks 'order'"):
        load(tmp_path / "model")


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model folder or ARPA file"):
        load(tmp_path / "nothing")


def test_a_folder_and_a_file_that_are_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no config\.json and no vocabulary"):
        load(tmp_path)
    (tmp_path / "novel.txt").write_text("It is a truth")
    with pytest.raises(InputError, match=r"whose name ends in \.arpa or \.arpa\.gz"):
        load(tmp_path / "novel.txt")


def test_a_model_folder_takes_no_other_text_format(saved: Path) -> None:
    with pytest.raises(InputError, match="says itself how its text is read"):
        load(saved, TextFormat("words"))


def test_an_arpa_file_is_read_as_told(tmp_path: Path) -> None:
    from lmlib.ngram.arpa import write_arpa

    path = tmp_path / "model.arpa.gz"
    write_arpa(train_ngram("a b\nb c\n", 2, KneserNey()), path)
    assert load(path).text_format == TextFormat("whitespace", "sentence")
    assert load(path, TextFormat("words")).text_format == TextFormat("words")


def test_an_ngram_is_saved_and_loaded_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from lmlib.ngram import train_ngram\n"
        "from lmlib.storage import load, save\n"
        f"save(train_ngram('a b\\nb a\\n', 2), {str(tmp_path / 'm')!r})\n"
        f"print(load({str(tmp_path / 'm')!r}).order)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
