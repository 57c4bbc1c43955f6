"""How a line of a corpus holds more than words: two sentences, a tag at each word, a label."""

from lmlib.errors import InputError


def pairs(text: str) -> list[tuple[str, str]]:
    """Read sentence pairs: a line is ``source<TAB>target``.

    Raises
    ------
    InputError
        If a line does not hold exactly one tab.

    Examples
    --------
    >>> pairs("Life is very short.\\t人生十分短暂。\\n")
    [('Life is very short.', '人生十分短暂。')]
    """
    return [_two(number, line) for number, line in enumerate(text.splitlines(), 1)]


def labelled(text: str) -> list[tuple[str, str]]:
    """Read labelled texts: a line is ``label<TAB>text``; gives (label, text).

    Raises
    ------
    InputError
        If a line does not hold exactly one tab.

    Examples
    --------
    >>> labelled("Sports\\tThe home side won.\\n")
    [('Sports', 'The home side won.')]
    """
    return pairs(text)


def tagged_sentences(text: str) -> list[list[tuple[str, str]]]:
    """Read tagged sentences: a line is ``word/tag word/tag …``; gives a list of (word, tag) a line.

    The tag stands after the last slash, so that a word may hold slashes of its own.

    Raises
    ------
    InputError
        If a word has no tag.

    Examples
    --------
    >>> tagged_sentences("It/pps costs/vbz 1/2/cd ./.\\n")
    [[('It', 'pps'), ('costs', 'vbz'), ('1/2', 'cd'), ('.', '.')]]
    """
    sentences = []
    for number, line in enumerate(text.splitlines(), 1):
        sentence = []
        for token in line.split(" ") if line else []:
            word, slash, tag = token.rpartition("/")
            if not (word and slash and tag):
                raise InputError(
                    f"line {number}: {token!r} is not a word with its tag; write word/tag."
                )
            sentence.append((word, tag))
        sentences.append(sentence)
    return sentences


def _two(number: int, line: str) -> tuple[str, str]:
    parts = line.split("\t")
    if len(parts) != 2:
        raise InputError(f"line {number}: expected two parts with one tab between, not {line!r}.")
    return parts[0], parts[1]
