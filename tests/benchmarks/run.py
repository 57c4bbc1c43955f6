"""Speed and memory of the library, each figure beside its target: ``make bench``.

Two things are compared by turns, A B A B …, and the median of the ratios is reported, since the
machine's own speed comes and goes. Nothing here fails: a person reads it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from lmlib.corpora import load
from lmlib.language_model import sequence_logprobs
from lmlib.ngram import ModifiedKneserNey, train_ngram, write_arpa
from lmlib.text import TextFormat, encode_text

PAIRS = 9
WORDS = TextFormat("words", "sentence")
TOKENISED = TextFormat("whitespace", "sentence")

# Measured once on two cores with KenLM's lmplz and build_binary, a 5-gram of 0.93 million tokens.
KENLM_SECONDS = 1.9 + 1.3

_MEMORY = """
import sys
import lmlib, lmlib.ngram, lmlib.text
text = open(sys.argv[1], encoding="utf-8").read()
def peak():  # of this process alone: its ru_maxrss would begin with that of its parent
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
before = peak()
model = lmlib.ngram.train_ngram(text, 5)
print((peak() - before) / model.vocab.counts.sum())
"""


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratios(
    ours: Callable[[], object], theirs: Callable[[], object], pairs: int = PAIRS
) -> tuple[float, float, float]:
    """Medians of our seconds, of theirs, and of theirs / ours, pair by pair."""
    times = [(seconds(ours), seconds(theirs)) for _ in range(pairs + 1)][1:]  # the first warms up
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(b / a for a, b in times),
    )


def report(what: str, found: str, target: str) -> None:
    """One line: what, the figure, its target."""
    print(f"{what:<58} {found:>26}   target {target}", flush=True)


def some_text(tokens: int) -> str:
    """Real English of so many word tokens: Austen, then Melville."""
    lines = []
    austen = load("austen")  # but for its test sentences, which are scored
    for line in (austen.train + austen.valid + load("moby-dick").text).splitlines():
        if tokens <= 0:
            break
        lines.append(line)
        tokens -= len(WORDS.split(line)[0]) if line else 0
    return "\n".join(lines) + "\n"


def fit_against_nltk() -> None:
    """100 thousand tokens, 5-grams: our whole estimate against nltk's counting alone."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.preprocessing import padded_everygram_pipeline

    sentences = [tokens for tokens in WORDS.split(some_text(100_000)) if tokens]
    text = "".join(" ".join(tokens) + "\n" for tokens in sentences)

    def ours() -> None:
        train_ngram(text, 5, ModifiedKneserNey(), TOKENISED)

    def theirs() -> None:
        ngrams, words = padded_everygram_pipeline(5, sentences)
        KneserNeyInterpolated(5).fit(ngrams, words)

    ours()
    before = [seconds(ours) for _ in range(PAIRS)]
    slow = seconds(theirs)
    fast = statistics.median(before + [seconds(ours) for _ in range(PAIRS)])
    report(
        "fit a modified Kneser-Ney 5-gram, 100 thousand tokens",
        f"{slow / fast:.0f} x nltk ({fast:.2f} s : {slow:.1f} s)",
        ">= 50 x nltk's fit",
    )


def score_against_kenlm() -> None:
    """A million tokens, 5-grams: scoring the same sentences, in batches and one by one."""
    model = train_ngram(some_text(1_000_000), 5, text_format=WORDS)
    test = load("austen").test
    lines = [" ".join(tokens) for tokens in WORDS.split(test)]
    ids = encode_text(test, WORDS, model.vocab)
    tokens = sum(len(sequence) for sequence in ids)
    sentence = next(row for row in ids if len(row) == 25)
    targets = sentence[None]
    inputs = np.concatenate([[model.vocab.bos], sentence[:-1]])[None]
    sequence_logprobs(model, ids[:1])  # the index is built when first needed

    def batched() -> None:
        sequence_logprobs(model, ids)

    def one_sentence() -> None:
        for _ in range(200):
            model.token_logprobs(inputs, targets)

    try:
        import kenlm
    except ImportError:
        print("kenlm is not installed (pip install kenlm compiles it): not compared")
        return
    with tempfile.TemporaryDirectory() as folder:
        arpa = Path(folder) / "model.arpa"
        write_arpa(model, arpa)
        quiet = kenlm.Config()
        quiet.show_progress = False
        theirs = kenlm.Model(str(arpa), quiet)
    total = sum(row.sum() for row in sequence_logprobs(model, ids)) / np.log(10)
    their_total = sum(theirs.score(line) for line in lines)
    assert abs(total / their_total - 1) < 1e-5, "the two models differ: not a fair comparison"

    def kenlm_batched() -> None:
        for line in lines:
            theirs.score(line)

    line = " ".join(model.vocab.decode(sentence[:-1]))

    def kenlm_one_sentence() -> None:
        for _ in range(200):
            theirs.score(line)

    ours, slow, ratio = ratios(batched, kenlm_batched)
    report(
        "score from ids, million tokens a second",
        f"{tokens / ours / 1e6:.2f} = {ratio:.2f} x kenlm ({tokens / slow / 1e6:.2f})",
        ">= 0.8 x kenlm score()",
    )
    ours, slow, ratio = ratios(one_sentence, kenlm_one_sentence)
    report(
        "score one sentence of 25 tokens from ids, microseconds",
        f"{ours / 200 * 1e6:.0f} (kenlm {slow / 200 * 1e6:.1f})",
        "<= 60",
    )


def train_a_million_tokens() -> None:
    """The whole process, from the text's file to a model on disk; and its memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text(some_text(1_000_000), encoding="utf-8")
        if sys.platform == "linux":
            memory = subprocess.check_output([sys.executable, "-c", _MEMORY, str(path)], text=True)
            report("peak memory of fitting, bytes a token", f"{float(memory):.0f}", "<= 250")
        command = [sys.executable, "-m", "lmlib", "train", "ngram", "--order", "5"]
        command += ["--text", str(path), "--out"]

        def train(out: str) -> Callable[[], object]:
            full = [*command, os.path.join(folder, out)]
            return lambda: subprocess.run(full, check=True, capture_output=True)

        to_folder, to_arpa, ratio = ratios(train("model"), train("model.arpa"))
        report(
            "lmlib train ngram --order 5, a million tokens, seconds",
            f"{to_folder:.1f}",
            f"<= {KENLM_SECONDS:.1f} (KenLM's two programs)",
        )
        report(
            "the same, writing ARPA, seconds",
            f"{to_arpa:.1f} = {ratio:.2f} x the folder",
            "<= 2 x the folder",
        )


# ---------------------------------------------------------------- recurrent networks

LAYERS, STEPS, ROWS, VOCABULARY = 2, 35, 20, 10_000


def gemm_rate() -> None:
    """What a matrix product reaches here: the ceiling of everything below."""
    import torch

    for threads in (1, 2):
        torch.set_num_threads(threads)
        a = torch.randn(2000, 2000)
        times = [seconds(partial(torch.mm, a, a)) for _ in range(PAIRS)]
        rate = 2 * 2000**3 / statistics.median(times) / 1e9
        report(f"matrix product of 2000 x 2000, {threads} thread(s), GFLOP/s", f"{rate:.0f}", "-")


def layers_against_torch() -> None:
    """Recurrent layers alone, forward and backward, beside those of torch.nn."""
    import torch

    from lmlib.recurrent import RecurrentLayers

    targets = {"rnn": (0.75, 0.75), "gru": (0.85, 0.85), "lstm": (1.4, 1.05)}  # H=200, H=650
    for threads, cell, size in product((1, 2), targets, (200, 650)):
        torch.set_num_threads(threads)
        layers = RecurrentLayers(size, size, LAYERS, cell)
        theirs = layers.to_torch()
        x = torch.randn(ROWS, STEPS, size, requires_grad=True)
        gradient = torch.randn(ROWS, STEPS, size)

        def run(module: torch.nn.Module, x: torch.Tensor, gradient: torch.Tensor) -> None:
            module(x)[0].backward(gradient)

        fast, slow, ratio = ratios(
            partial(run, layers, x, gradient),
            partial(run, theirs, x, gradient),
            pairs=31 if size == 200 else 15,
        )
        report(
            f"{cell} layers, forward + backward, H={size}, {threads} thread(s), ms",
            f"{fast * 1e3:.1f} = {1 / ratio:.2f} x torch.nn ({slow * 1e3:.1f})",
            f"<= {targets[cell][size == 650]}" if threads == 1 else "-",
        )


def step_against_torch() -> None:
    """A whole step of training: embedding, layers, head, loss, backward, clipping, update."""
    import torch
    from torch import nn

    from lmlib.recurrent import RecurrentConfig, RecurrentLM
    from lmlib.text import SPECIAL_TOKENS, Vocab
    from lmlib.training import clip_gradient

    class Theirs(nn.Module):
        """The same network, with torch.nn in the middle."""

        def __init__(self, model: RecurrentLM) -> None:
            super().__init__()
            self.embedding, self.W_o, self.b_o = model.embedding, model.W_o, model.b_o
            self.layers = model.layers.to_torch()
            self.never = model.never

        def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h, state = self.layers(nn.functional.embedding(tokens, self.embedding))
            return h @ self.W_o + (self.b_o + self.never), state

    vocab = Vocab([*SPECIAL_TOKENS, *(f"word{i}" for i in range(VOCABULARY - 3))])
    tokens = torch.randint(3, VOCABULARY, (ROWS, STEPS + 1))
    targets = {"rnn": (1.05, None), "gru": (None, None), "lstm": (1.1, 1.3)}  # 1 thread, 2
    for threads, cell, size in product((1, 2), targets, (200, 650)):
        torch.set_num_threads(threads)
        config = RecurrentConfig(cell, size, size, LAYERS)
        model = RecurrentLM(config, vocab, WORDS).train()
        theirs = Theirs(RecurrentLM(config, vocab, WORDS)).train()
        model.sparse_embedding = True  # as `fit` has it with SGD

        def our_step(model: RecurrentLM, optimiser: torch.optim.Optimizer) -> None:
            optimiser.zero_grad()
            (model.loss(tokens[:, :-1], tokens[:, 1:])[0] / (ROWS * STEPS)).backward()
            clip_gradient(model, 5.0)
            optimiser.step()

        def their_step(module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
            logits, _ = module(tokens[:, :-1])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            optimiser.step()

        fast, slow, ratio = ratios(
            partial(our_step, model, torch.optim.SGD(model.parameters(), 0.1)),
            partial(their_step, theirs, torch.optim.SGD(theirs.parameters(), 0.1)),
        )
        target = targets[cell][threads - 1]
        report(
            f"{cell} language model, whole step, H={size}, {threads} thread(s), ms",
            f"{fast * 1e3:.0f} = {1 / ratio:.2f} x torch.nn ({slow * 1e3:.0f})",
            "-" if target is None else f"<= {target}",
        )


def generation_against_torch() -> None:
    """One character at a time, batch 1, one thread: the NumPy step beside torch.nn's modules."""
    import torch
    from torch import nn

    from lmlib.decoding import draw
    from lmlib.recurrent import RecurrentConfig, RecurrentLM
    from lmlib.text import index_text

    torch.set_num_threads(1)
    text_format = TextFormat("characters", "stream")
    vocab, _ = index_text(load("emma").train[:200_000], text_format)
    for cell, size in product(("rnn", "gru", "lstm"), (200, 650)):
        model = RecurrentLM(RecurrentConfig(cell, 64, size), vocab, text_format)
        layers = model.layers.to_torch()
        head = nn.Linear(size, len(vocab))
        embedding = nn.Embedding.from_pretrained(model.embedding.detach())

        def ours(model: RecurrentLM, characters: int = 200) -> None:
            rng = np.random.default_rng(0)
            token, state = np.array([vocab.bos]), model.initial_state(1)
            for _ in range(characters):
                logprobs, state = model.step(token, state)
                token = draw(logprobs, rng)

        def theirs(
            embedding: nn.Module, layers: nn.Module, head: nn.Module, characters: int = 200
        ) -> None:
            token, state = torch.tensor([[vocab.bos]]), None
            with torch.inference_mode():
                for _ in range(characters):
                    h, state = layers(embedding(token), state)
                    probabilities = torch.softmax(head(h[:, -1]), dim=-1)
                    token = torch.multinomial(probabilities, 1)

        fast, slow, ratio = ratios(partial(ours, model), partial(theirs, embedding, layers, head))
        report(
            f"{cell}: generate a character, batch 1, H={size}, microseconds",
            f"{fast / 200 * 1e6:.0f} = {ratio:.1f} x as fast as torch.nn ({slow / 200 * 1e6:.0f})",
            ">= 7 x",
        )


if __name__ == "__main__":
    # PyTorch's part first: it must have the threads for itself.
    print(f"medians of {PAIRS} interleaved pairs or more (nltk once)")
    if find_spec("torch") is None:
        print("PyTorch is not installed: recurrent networks are not compared")
    else:
        gemm_rate()
        layers_against_torch()
        step_against_torch()
        generation_against_torch()
    fit_against_nltk()
    score_against_kenlm()
    train_a_million_tokens()
