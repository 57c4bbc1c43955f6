"""Texts to learn from: embedded ones, public ones by checked download, and a small grammar.

`load` gives a corpus by name, `names` and `describe` list what there is without opening anything.
SOURCES.md, beside this file, says where each text comes from and what was changed.
"""

from lmlib.corpora.catalogue import Corpus, Entry, describe, load, names, tatoeba_ids
from lmlib.corpora.formats import labelled, pairs, tagged_sentences
from lmlib.corpora.testcard import TEST_CARD

__all__ = [
    "TEST_CARD",
    "Corpus",
    "Entry",
    "describe",
    "labelled",
    "load",
    "names",
    "pairs",
    "tagged_sentences",
    "tatoeba_ids",
]
