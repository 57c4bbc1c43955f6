"""Counting models: n-grams of any order, and the ways to smooth them (chapter 03)."""

from lmlib.ngram.arpa import read_arpa, write_arpa
from lmlib.ngram.compression import prune, quantise
from lmlib.ngram.counting import NgramCounts, count_ngrams
from lmlib.ngram.estimators import (
    MLE,
    SMOOTHINGS,
    AddK,
    Estimator,
    Interpolated,
    Katz,
    KneserNey,
    ModifiedKneserNey,
    StupidBackoff,
    WittenBell,
)
from lmlib.ngram.model import NgramLM, train_ngram

__all__ = [
    "MLE",
    "SMOOTHINGS",
    "AddK",
    "Estimator",
    "Interpolated",
    "Katz",
    "KneserNey",
    "ModifiedKneserNey",
    "NgramCounts",
    "NgramLM",
    "StupidBackoff",
    "WittenBell",
    "count_ngrams",
    "prune",
    "quantise",
    "read_arpa",
    "train_ngram",
    "write_arpa",
]
