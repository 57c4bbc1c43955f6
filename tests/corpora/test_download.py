"""Downloads, against a server on this machine: good, broken in every way, and by hand."""

import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lmlib.corpora import describe, load, names, pairs, public, tagged_sentences
from lmlib.corpora.download import RemoteFile, checksum_matches, data_folder, fetch
from lmlib.corpora.formats import labelled
from lmlib.corpora.public import PUBLIC, PublicSet
from lmlib.errors import InputError

CONTENT = b"To be, or not to be, that is the question.\n" * 2000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "public"


class Server(ThreadingHTTPServer):
    """Serves CONTENT well, or badly in the way that the path names; counts the requests."""

    daemon_threads = True
    requests = 0
    released: threading.Event


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests += 1
        way = self.path.split("/")[1]
        if way == "missing" or (way == "busy-once" and self.server.requests == 1):
            self.send_error(404 if way == "missing" else 503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        half = len(CONTENT) // 2
        if way == "corrupted":
            self.wfile.write(CONTENT[:half] + b"X" + CONTENT[half + 1 :])
        elif way == "truncated" or (way == "truncated-once" and self.server.requests == 1):
            self.wfile.write(CONTENT[:half])
        elif way == "slow":
            self.wfile.write(CONTENT[:half])
            self.wfile.flush()
            self.server.released.wait(10)
        else:
            self.wfile.write(CONTENT)


@pytest.fixture
def server(
    monkeypatch: pytest.MonkeyPatch, require_module: Callable[[str, str], object]
) -> Iterator[Server]:
    require_module("pooch", "downloads need it (extra data)")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server(("127.0.0.1", 0), Handler)
    running.released = threading.Event()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


def at(server: Server, way: str, checksum: str = SHA256) -> RemoteFile:
    return RemoteFile(f"http://127.0.0.1:{server.server_address[1]}/{way}/play.txt", checksum)


def try_to_fetch(remote: RemoteFile, folder: Path, timeout: float = 5.0) -> Path:
    return fetch(
        remote, folder, licence="free", timeout=timeout, attempts=2, pause=0.01, progress=False
    )


def test_a_good_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path):
    folder = tmp_path / "not" / "there" / "yet"
    path = try_to_fetch(at(server, "good"), folder)
    assert path == folder / "play.txt"
    assert path.read_bytes() == CONTENT
    assert try_to_fetch(at(server, "good"), folder) == path
    assert server.requests == 1
    assert [file.name for file in folder.iterdir()] == ["play.txt"]


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("truncated", "broke off|incomplete"),
        ("corrupted", "wrong checksum"),
        ("missing", "404"),
        ("slow", "silent for too long"),
    ],
)
def test_a_bad_transfer_says_what_to_do_and_leaves_nothing(way, reason, server, tmp_path):
    remote = at(server, way)
    with pytest.raises(InputError, match=reason) as error:
        try_to_fetch(remote, tmp_path, timeout=0.3)
    assert remote.url in str(error.value)
    assert f"put the file play.txt by hand into the folder {tmp_path}" in str(error.value)
    assert list(tmp_path.iterdir()) == []
    assert server.requests == (1 if way == "missing" else 2)


def test_a_slow_server_is_given_up_in_time(server, tmp_path):
    start = time.monotonic()
    with pytest.raises(InputError):
        try_to_fetch(at(server, "slow"), tmp_path, timeout=0.2)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("way", ["busy-once", "truncated-once"])
def test_what_fails_once_is_tried_again(way, server, tmp_path):
    assert try_to_fetch(at(server, way), tmp_path).read_bytes() == CONTENT
    assert server.requests == 2


def test_a_refused_connection_says_where_to_put_the_file(tmp_path, monkeypatch, require_module):
    require_module("pooch", "downloads need it (extra data)")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as closed:  # bound but not listening: a connection is refused
        closed.bind(("127.0.0.1", 0))
        remote = RemoteFile(f"http://127.0.0.1:{closed.getsockname()[1]}/play.txt", SHA256)
        with pytest.raises(InputError, match="no connection") as error:
            try_to_fetch(remote, tmp_path)
    assert str(tmp_path) in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_download_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lmlib.corpora.download.checksum_matches", interrupt)
    with pytest.raises(KeyboardInterrupt):
        try_to_fetch(at(server, "good"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_put_there_by_hand_is_used_without_a_network(tmp_path):
    (tmp_path / "play.txt").write_bytes(CONTENT)
    remote = RemoteFile("http://127.0.0.1:9/play.txt", SHA256)
    assert try_to_fetch(remote, tmp_path).read_bytes() == CONTENT


def test_a_wrong_file_put_there_by_hand_is_named_and_left_alone(tmp_path):
    (tmp_path / "play.txt").write_bytes(CONTENT[:-1])
    remote = RemoteFile("http://127.0.0.1:9/play.txt", SHA256)
    with pytest.raises(InputError, match="is not the file that was expected") as error:
        try_to_fetch(remote, tmp_path)
    assert str(tmp_path / "play.txt") in str(error.value)
    assert (tmp_path / "play.txt").read_bytes() == CONTENT[:-1]


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="LMLIB_DATA"):
        try_to_fetch(at(server, "good"), tmp_path / "file")


def test_progress_and_licence_are_shown(server, tmp_path, capsys):
    fetch(at(server, "good"), tmp_path, licence="of the bard", attempts=1)
    shown = capsys.readouterr().err
    assert "of the bard" in shown
    assert "100%" in shown


def test_without_pooch_one_sentence_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(InputError, match=r"lmlib-book\[data\]"):
        try_to_fetch(RemoteFile("http://127.0.0.1:9/play.txt", SHA256), tmp_path)


def test_the_folder_is_the_one_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv("LMLIB_DATA", str(tmp_path))
    assert data_folder() == tmp_path


def test_a_git_blob_id_is_the_sha1_of_its_length_and_bytes(tmp_path):
    # `echo 'test content' | git hash-object --stdin`, from the book Pro Git, chapter 10.2
    path = tmp_path / "a"
    path.write_bytes(b"test content\n")
    assert checksum_matches(path, "git-blob:d670460b4b4aece5915caf5c68d12f560a9fe3e4")
    assert not checksum_matches(path, "sha1:d670460b4b4aece5915caf5c68d12f560a9fe3e4")
    path.write_bytes(b"abc")  # FIPS 180's example
    assert checksum_matches(path, "sha1:a9993e364706816aba3e25717850c26c9cd0d89d")


# ---------------------------------------------------------------- the sets


def serve_set(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, contents: list[bytes]
) -> None:
    """Put small stand-ins for a set's files in place, with their own checksums."""
    monkeypatch.setenv("LMLIB_DATA", str(folder))
    (folder / name).mkdir()
    files = []
    for remote, content in zip(PUBLIC[name].files, contents, strict=True):
        (folder / name / remote.name).write_bytes(content)
        files.append(RemoteFile(remote.url, "sha256:" + hashlib.sha256(content).hexdigest()))
    stand_in = PublicSet(tuple(files), PUBLIC[name].split, PUBLIC[name].warning)
    monkeypatch.setitem(public.PUBLIC, name, stand_in)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_set_is_pinned(name):
    for remote in PUBLIC[name].files:
        kind, _, value = remote.checksum.partition(":")
        assert len(value) == {"sha256": 64, "sha1": 40, "git-blob": 40}[kind]
    assert len({remote.name for remote in PUBLIC[name].files}) == len(PUBLIC[name].files)
    assert not describe(name).embedded
    assert name in names()


def test_a_stream_is_cut_at_nine_tenths_and_loses_nothing(tmp_path, monkeypatch):
    text = "".join(chr(97 + i % 26) for i in range(1000))
    serve_set(monkeypatch, tmp_path, "tiny-shakespeare", [text.encode()])
    corpus = load("tiny-shakespeare")
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (810, 90, 100)
    assert corpus.text == text
    assert corpus.unit == "stream"


def test_names_are_split_as_makemore_does(tmp_path, monkeypatch):
    import random

    own = [f"name{i}" for i in range(100)]
    serve_set(monkeypatch, tmp_path, "names", ["\n".join(own).encode()])
    corpus = load("names")
    random.seed(42)
    random.shuffle(own)
    assert corpus.train.splitlines() == own[:80]
    assert corpus.valid.splitlines() == own[80:90]
    assert corpus.test.splitlines() == own[90:]


def test_the_penn_treebank_is_loaded_with_a_warning(tmp_path, monkeypatch):
    serve_set(monkeypatch, tmp_path, "ptb", [b" a <unk> \n", b" b N \n", b" c \n"])
    with pytest.warns(UserWarning, match="never redistribute"):
        corpus = load("ptb")
    assert (corpus.train, corpus.valid, corpus.test) == (" a <unk> \n", " b N \n", " c \n")


def test_news_are_labelled_texts(tmp_path, monkeypatch):
    rows = b"".join(b'"%d","Title %d","He said ""no""."\n' % (i % 4 + 1, i) for i in range(20))
    serve_set(monkeypatch, tmp_path, "ag-news", [rows, b'"2","A","b"\n'])
    corpus = load("ag-news")
    assert labelled(corpus.train)[0] == ("World", 'Title 0 He said "no".')
    assert (len(labelled(corpus.train)), len(labelled(corpus.valid))) == (18, 2)
    assert labelled(corpus.test) == [("Sports", "A b")]


def test_a_treebank_becomes_tagged_sentences(tmp_path, monkeypatch):
    raw = (
        "# sent_id = 1\n1-2\tcan't\t_\t_\n1\tca\tcan\tAUX\n2\tn't\tnot\tPART\n"
        "2.1\tgo\tgo\tVERB\n\n1\tand/or\tand/or\tCCONJ\n\n"
    )
    serve_set(monkeypatch, tmp_path, "ud-english-ewt", [raw.encode()] * 3)
    assert tagged_sentences(load("ud-english-ewt").valid) == [
        [("ca", "AUX"), ("n't", "PART")],
        [("and/or", "CCONJ")],
    ]


def test_two_gzipped_sides_become_pairs(tmp_path, monkeypatch):
    sides = [f"{side}{i}\n{side}x{i} \n".encode() for i in range(3) for side in ("d", "e")]
    serve_set(monkeypatch, tmp_path, "multi30k-de-en", [gzip.compress(s, mtime=0) for s in sides])
    corpus = load("multi30k-de-en")
    assert pairs(corpus.train) == [("d0", "e0"), ("dx0", "ex0")]
    assert pairs(corpus.test) == [("d2", "e2"), ("dx2", "ex2")]


def test_a_set_that_cannot_be_had_names_all_its_files(tmp_path, monkeypatch):
    serve_set(monkeypatch, tmp_path, "wikitext-2", [b"a", b"b", b"c"])
    (tmp_path / "wikitext-2" / "valid.txt").write_bytes(b"changed")
    with pytest.raises(InputError, match=r"wikitext-2: .*train.txt, valid.txt, test.txt"):
        load("wikitext-2")


LOCAL = {
    "tiny-shakespeare": {"input.txt": "tinyshakespeare/input.txt"},
    "time-machine": {"timemachine.txt": "timemachine/timemachine.txt"},
    "names": {"names.txt": "names/names.txt"},
    "wikitext-2": {"valid.txt": "wikitext-2/valid.txt", "test.txt": "wikitext-2/test.txt"},
    "ud-english-ewt": {
        "en_ewt-ud-dev.conllu": "ud_en_ewt/en_ewt-ud-dev.conllu",
        "en_ewt-ud-test.conllu": "ud_en_ewt/en_ewt-ud-test.conllu",
    },
}


@pytest.mark.parametrize("name", LOCAL)
def test_the_pinned_checksums_are_those_of_the_real_files(name):
    if not SHARED.is_dir():
        pytest.skip("no copies of the public sets lie beside the repository")
    checked = 0
    for remote in PUBLIC[name].files:
        if remote.name in LOCAL[name]:
            assert checksum_matches(SHARED / LOCAL[name][remote.name], remote.checksum)
            checked += 1
    assert checked == len(LOCAL[name])


@pytest.mark.parametrize("name", ["tiny-shakespeare", "time-machine", "names"])
def test_the_real_sets_have_the_sizes_of_the_catalogue(name, tmp_path, monkeypatch):
    if not SHARED.is_dir():
        pytest.skip("no copies of the public sets lie beside the repository")
    (tmp_path / name).mkdir()
    for own, theirs in LOCAL[name].items():
        (tmp_path / name / own).write_bytes((SHARED / theirs).read_bytes())
    monkeypatch.setenv("LMLIB_DATA", str(tmp_path))
    text, entry = load(name).text, describe(name)
    assert (len(text), len(text.split())) == (entry.characters, entry.words)
