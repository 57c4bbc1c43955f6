"""A model that fills gaps from both sides: what it sees, what it learns, what it refuses."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from lmlib.commands import main
from lmlib.decoding import greedy
from lmlib.errors import InputError
from lmlib.filling import BidirectionalFiller, FillConfig, Filling, fill_by_scoring
from lmlib.language_model import LanguageModel, score, sequence_logprobs
from lmlib.ngram import train_ngram
from lmlib.storage import load, save
from lmlib.text import TextFormat, Vocab
from lmlib.training import TrainingConfig, fit

VOCAB = Vocab(["<unk>", "<bos>", "<eos>", *"abcd"])
A, B, C, D = range(3, 7)


def a_filler(layers: int = 1, cell: str = "lstm", seed: int = 0) -> BidirectionalFiller:
    config = FillConfig(cell, 5, 6, layers, dropout=0.5)
    return BidirectionalFiller(config, VOCAB, TextFormat(), seed).double()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_gap_sees_all_other_words_and_not_its_own(layers: int, cell: str) -> None:
    model = a_filler(layers, cell)
    tokens = np.array([[A, B, C, D, A]])
    mask = np.zeros((1, 5), bool)
    mask[0, 2] = True
    before = model.fill(tokens, mask)
    for place in range(5):
        changed = tokens.copy()
        changed[0, place] = B if changed[0, place] != B else D
        assert np.allclose(before, model.fill(changed, mask), atol=1e-12) == (place == 2)


def test_probabilities_of_a_gap_sum_to_one_and_sentence_ends_are_none() -> None:
    tokens = np.array([[A, B, C, D], [D, A, -1, -1]])
    mask = np.array([[True, False, False, True], [False, True, False, False]])
    logprobs = a_filler().fill(tokens, mask)
    assert logprobs.shape == (3, len(VOCAB))
    np.testing.assert_allclose(np.exp(logprobs).sum(axis=1), 1)
    assert np.isneginf(logprobs[:, [VOCAB.bos, VOCAB.eos]]).all()


def test_padding_and_neighbours_in_a_batch_change_nothing() -> None:
    model = a_filler(2)
    tokens = np.array([[A, B, C, D], [D, A, -1, -1]])
    mask = np.array([[False, True, False, False], [True, False, False, False]])
    together = model.fill(tokens, mask)
    np.testing.assert_allclose(together[:1], model.fill(tokens[:1], mask[:1]), atol=1e-12)
    alone = model.fill(tokens[1:, :2], mask[1:, :2])
    np.testing.assert_allclose(together[1:], alone, atol=1e-12)
    short, long = model.encode([np.array([D, A]), np.array([A, B, C, D])])
    assert short.shape == (2, 12) and long.shape == (4, 12)
    np.testing.assert_allclose(short, model.encode([np.array([D, A])])[0], atol=1e-12)


def test_the_pseudo_likelihood_opens_one_gap_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = a_filler()
    ids = np.array([A, B, C])
    expected = []
    for place in range(3):
        mask = np.zeros((1, 3), bool)
        mask[0, place] = True
        expected.append(model.fill(ids[None], mask)[0, ids[place]])
    (whole,) = model.pseudo_logprobs([ids])
    np.testing.assert_allclose(whole, expected, atol=1e-12)
    monkeypatch.setattr("lmlib.filling._LOGITS_AT_ONCE", 1)
    np.testing.assert_allclose(model.pseudo_logprobs([ids])[0], whole, atol=1e-12)
    assert len(model.pseudo_logprobs([np.array([], int)])[0]) == 0


@pytest.mark.parametrize("layers", [1, 2])
def test_what_only_both_sides_together_tell_takes_two_layers(layers: int) -> None:
    """In a?a stands b, in a?d c, in d?a c, in d?d b: neither side alone says anything.

    In one layer the sides meet in the logits alone, where what they say is added up.
    """
    sentences = [np.array([a, B if a == b else C, b]) for a in (A, D) for b in (A, D)] * 20
    config = FillConfig(embedding=8, hidden=16, layers=layers)
    model = BidirectionalFiller(config, VOCAB, TextFormat())
    task = Filling(sentences, sentences, batch_size=8)
    history = fit(
        model, task, TrainingConfig(epochs=40, learning_rate=0.02, decay=1.0, patience=40)
    )
    assert history[-1].valid is not None
    logprobs = model.fill(np.array(sentences[:4]), np.array([[False, True, False]] * 4))
    right = [sentence[1] for sentence in sentences[:4]]
    p = np.exp(logprobs[np.arange(4), right])
    assert (p > 0.9).all() if layers == 2 else p.min() < 0.55


def test_a_left_to_right_model_fills_a_gap_by_scoring_every_sentence() -> None:
    model = train_ngram("a b c\na d\nb d a\nc c b a d\n", 3, text_format=TextFormat("whitespace"))
    vocab = model.vocab
    sentence = vocab.encode("b d a".split())
    for place in range(3):
        found = fill_by_scoring(model, sentence, place)
        with_each = {}
        for word in range(len(vocab)):
            if word not in (vocab.bos, vocab.eos):
                whole = [*sentence[:place], word, *sentence[place + 1 :], vocab.eos]
                with_each[word] = sum(sequence_logprobs(model, [np.array(whole)])[0])
        words = list(with_each)
        expected = np.array(list(with_each.values()))
        np.testing.assert_allclose(found[words], expected - np.logaddexp.reduce(expected))
        assert np.isneginf(found[[vocab.bos, vocab.eos]]).all()


def test_gaps_are_the_same_whenever_the_same_epoch_is_asked_for() -> None:
    task = Filling(list(map(np.array, ([A, B, C], [D], [A, A, B, B]))), [], batch_size=2)
    one, again, other = (list(task.batches(epoch)) for epoch in (0, 0, 1))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(one, other, strict=True))
    assert all(mask.any(axis=1).all() for _, mask in one), "every sentence has a gap"
    assert all((tokens[mask] >= 0).all() for tokens, mask in one)


def test_it_comes_back_from_its_folder(tmp_path: Path) -> None:
    model = a_filler(2).float()
    save(model, tmp_path / "m")  # type: ignore[arg-type]
    back = load(tmp_path / "m")
    assert isinstance(back, BidirectionalFiller) and back.config == model.config
    tokens, mask = np.array([[A, B]]), np.array([[True, False]])
    np.testing.assert_array_equal(back.fill(tokens, mask), model.fill(tokens, mask))


def test_asked_to_read_from_left_to_right_it_refuses_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = a_filler().float()
    assert not isinstance(model, LanguageModel)
    for ask in (
        lambda: score(model, "a b"),  # type: ignore[arg-type]
        lambda: greedy(model, [A], 3),  # type: ignore[arg-type]
        lambda: model.step([A], ()),
        lambda: model.token_logprobs([[A]], [[B]]),
    ):
        with pytest.raises(InputError, match="it has read the words after it"):
            ask()
    save(model, tmp_path / "m")  # type: ignore[arg-type]
    (tmp_path / "t.txt").write_text("a b\n")
    for verb in (["score", "--text"], ["rank", "--text"]):
        asked = [verb[0], str(tmp_path / "m"), verb[1], str(tmp_path / "t.txt")]
        assert main(asked) == 2
        assert "reads in both directions" in capsys.readouterr().err


def test_what_does_not_fit_is_refused() -> None:
    model = a_filler()
    with pytest.raises(InputError, match=r"tokens \(1, 2\) and mask \(1, 3\)"):
        model.fill([[A, B]], [[True, False, False]])
    with pytest.raises(InputError, match="stands at the end of a row, and is no gap"):
        model.fill([[A, -1]], [[False, True]])
    with pytest.raises(InputError, match="stands at the end of a row, and is no gap"):
        model.fill([[-1, A]], [[False, True]])
    with pytest.raises(InputError, match="the token 9 is not in a vocabulary of 7"):
        model.fill([[A, 9]], [[True, False]])
    with pytest.raises(InputError, match="unit='sentence'"):
        BidirectionalFiller(FillConfig(), VOCAB, TextFormat("words", "stream"))
    with pytest.raises(InputError, match="cell='elman'"):
        FillConfig("elman")
    with pytest.raises(InputError, match="share=0"):
        Filling([np.array([A])], [], share=0)
    assert model.fill([[A, B]], [[False, False]]).shape == (0, len(VOCAB))
    assert torch.is_grad_enabled()
