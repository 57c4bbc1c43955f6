"""What students write when they make the planted mistakes: in their own words, not in ours.

Written from the descriptions of the mistakes, not from the planted functions: loops in place of
comprehensions, NumPy in place of loops, other containers, a harmless quirk here and there, and in
some (marked ``+``) a second slip beside the first. Each begins with a line

    ## question | mistake

and is run after the imports of a notebook.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_IMPORTS = """
import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
"""


@dataclass(frozen=True)
class WrongAnswer:
    """A student's answer, and the name of the mistake that it makes."""

    question: str
    mistake: str
    source: str

    def function(self) -> Callable[..., Any]:
        """Run the source, and give the function that it defines last."""
        names: dict[str, Any] = {}
        exec(_IMPORTS + self.source, names)
        return [thing for thing in names.values() if callable(thing)][-1]


CHAPTER_01 = r"""
## 01-chain-logprob | multiplies first: underflow
def chain_logprob(table, sentence):
    p = 1
    w = "<bos>"
    for nxt in sentence + ["<eos>"]:
        try:
            p *= table[w][nxt]
        except KeyError:
            p = 0
        w = nxt
    if p == 0:
        return float("-inf")
    return math.log(p)

## 01-chain-logprob | multiplies first: underflow
def chain_logprob(table, sentence):
    tokens = ["<bos>"] + list(sentence) + ["<eos>"]
    probabilities = np.array([table.get(a, {}).get(b, 0) for a, b in zip(tokens, tokens[1:])])
    with np.errstate(divide="ignore"):
        return np.log(np.prod(probabilities))

## 01-chain-logprob | no <eos>
def chain_logprob(table, sentence):
    total = 0
    for i in range(len(sentence)):
        prev = sentence[i - 1] if i > 0 else "<bos>"
        p = table.get(prev, {}).get(sentence[i], 0)
        total += math.log(p) if p else -math.inf
    return total

## 01-chain-logprob | no <eos>
def chain_logprob(table, sentence):
    previous, logs = "<bos>", []
    for word in sentence:
        if previous not in table or word not in table[previous]:
            return -np.inf
        logs.append(np.log(table[previous][word]))
        previous = word
    return float(np.sum(logs))

## 01-chain-logprob | no <bos>
def chain_logprob(table, sentence):
    s = 0.0
    for i, word in enumerate(sentence):
        following = sentence[i + 1] if i + 1 < len(sentence) else "<eos>"
        p = table.get(word, {}).get(following, 0)
        if p == 0:
            return -math.inf
        s = s + math.log(p)
    return s

## 01-chain-logprob | no <bos>
def chain_logprob(table, sentence):
    words = [*sentence, "<eos>"]
    result = 0.0
    for t in range(1, len(words)):
        row = table.get(words[t - 1])
        if row is None or row.get(words[t]) is None:
            return -math.inf
        result += math.log(row[words[t]])
    return result

## 01-chain-logprob | neither <bos> nor <eos>
def chain_logprob(table, sentence):
    logp = 0
    for a, b in pairwise(sentence):
        p = table.get(a, {}).get(b, 0)
        if not p:
            return -math.inf
        logp += math.log(p)
    return logp

## 01-chain-logprob | neither <bos> nor <eos>
def chain_logprob(table, sentence):
    # + and it raises where a row is missing
    return sum(np.log(table[sentence[i]][sentence[i + 1]]) for i in range(len(sentence) - 1))

## 01-chain-logprob | skips what is impossible
def chain_logprob(table, sentence):
    tokens = ["<bos>", *sentence, "<eos>"]
    log_p = 0.0
    for a, b in zip(tokens[:-1], tokens[1:]):
        if a in table and b in table[a]:
            log_p += math.log(table[a][b])
    return log_p

## 01-chain-logprob | skips what is impossible
def chain_logprob(table, sentence):
    log_p, prev = 0.0, "<bos>"
    for w in sentence + ["<eos>"]:
        log_p += math.log(table.get(prev, {}).get(w, 1))
        prev = w
    return log_p

## 01-chain-logprob | raises at the logarithm of 0
def chain_logprob(table, sentence):
    log_p, prev = 0.0, "<bos>"
    for w in sentence + ["<eos>"]:
        log_p += math.log(table.get(prev, {}).get(w, 0))
        prev = w
    return log_p

## 01-chain-logprob | raises where a token is missing
def chain_logprob(table, sentence):
    lp = [np.log(table[a][b]) for a, b in zip(["<bos>"] + sentence, sentence + ["<eos>"])]
    return np.array(lp).sum()

## 01-chain-logprob | base 2
def chain_logprob(table, sentence):
    total = 0.0
    previous = "<bos>"
    for token in [*sentence, "<eos>"]:
        p = table.get(previous, {}).get(token, 0.0)
        if p == 0.0:
            return -math.inf
        total += math.log2(p)
        previous = token
    return total

## 01-chain-logprob | base 2
def chain_logprob(table, sentence):
    seq = ["<bos>"] + sentence + ["<eos>"]
    p = np.array([table.get(a, {}).get(b, 0.0) for a, b in pairwise(seq)])
    return -np.inf if (p == 0).any() else np.log2(p).sum()

## 01-chain-logprob | the mean, not the sum
def chain_logprob(table, sentence):
    seq = ["<bos>"] + sentence + ["<eos>"]
    p = np.array([table.get(a, {}).get(b, 0.0) for a, b in pairwise(seq)])
    with np.errstate(divide="ignore"):
        return np.log(p).mean()

## 01-perplexity | mean of exps
def perplexity(logprobs):
    total, n = 0.0, 0
    for sentence in logprobs:
        for lp in sentence:
            if lp == -math.inf:
                return math.inf
            total += 1 / math.exp(lp)
            n += 1
    return total / n

## 01-perplexity | mean of exps
def perplexity(logprobs):
    flat = np.concatenate([np.array(s) for s in logprobs])
    return np.mean(np.exp(-flat))

## 01-perplexity | mean of the sentences' perplexities
def perplexity(logprobs):
    each = []
    for sentence in logprobs:
        L = -sum(sentence) / len(sentence)
        each.append(math.exp(L))
    return sum(each) / len(each)

## 01-perplexity | mean of the sentences' perplexities
def perplexity(logprobs):
    return np.mean([np.exp(-np.mean(s)) for s in logprobs])

## 01-perplexity | every sentence weighs the same
def perplexity(logprobs):
    L = 0.0
    for sentence in logprobs:
        L -= sum(sentence) / len(sentence)
    return math.exp(L / len(logprobs))

## 01-perplexity | every sentence weighs the same
def perplexity(logprobs):
    return float(np.exp(np.mean([-np.mean(s) for s in logprobs])))

## 01-perplexity | no exponential
def perplexity(logprobs):
    n = sum(len(s) for s in logprobs)
    return -sum(sum(s) for s in logprobs) / n

## 01-perplexity | no exponential
def perplexity(logprobs):
    return -np.mean(np.concatenate(logprobs))

## 01-perplexity | 2 to the power of nats
def perplexity(logprobs):
    flat = [lp for s in logprobs for lp in s]
    return np.exp2(-np.mean(flat))

## 01-perplexity | divides by the sentences
def perplexity(logprobs):
    total = 0
    for s in logprobs:
        total -= sum(s)
    return np.exp(min(total / len(logprobs), 709))

## 01-perplexity | divides by the sentences
def perplexity(logprobs):
    flat = [lp for s in logprobs for lp in s]
    return math.e ** (-sum(flat) / len(logprobs))

## 01-perplexity | the sign
def perplexity(logprobs):
    flat = np.concatenate(logprobs)
    return np.exp(flat.mean())

## 01-perplexity | the sign
def perplexity(logprobs):
    total = sum(sum(s) for s in logprobs)
    count = sum(map(len, logprobs))
    return math.exp(total / count)

## 01-perplexity | <eos> not counted as a token
def perplexity(logprobs):
    total = 0.0
    words = 0
    for s in logprobs:
        total += sum(s)
        words += len(s) - 1  # the end is no word
    return math.exp(-total / words)

## 01-perplexity | multiplies first: underflow to infinity
def perplexity(logprobs):
    p, n = np.float64(1.0), 0
    for s in logprobs:
        for lp in s:
            p *= np.exp(lp)
            n += 1
    with np.errstate(divide="ignore"):
        return p ** (-1 / n)

## 01-perplexity | multiplies first: division by zero
def perplexity(logprobs):
    p, n = 1.0, 0
    for s in logprobs:
        p = p * math.exp(sum(s))
        n += len(s)
    return p ** (-1 / n)

## 01-greedy-next | ignores the context: adds up all rows
def greedy_next(table, words):
    score = defaultdict(float)
    for previous in table:
        for token, p in table[previous].items():
            if token != "<unk>":
                score[token] += p
    return sorted(score, key=score.get, reverse=True)[0]

## 01-greedy-next | ignores the context: the highest anywhere
def greedy_next(table, words):
    best, best_p = None, -1
    for row in table.values():
        for token, p in row.items():
            if p > best_p and token != "<unk>":
                best, best_p = token, p
    return best

## 01-greedy-next | ignores the context: always <bos>
def greedy_next(table, words):
    row = {k: v for k, v in table["<bos>"].items() if k != "<unk>"}
    if not row:
        return None
    return max(row, key=row.get)

## 01-greedy-next | looks at the first word
def greedy_next(table, words):
    state = words[0] if len(words) > 0 else "<bos>"
    best, p = None, 0
    for token in table.get(state, {}):
        if token != "<unk>" and table[state][token] > p:
            best, p = token, table[state][token]
    return best

## 01-greedy-next | writes <unk>
def greedy_next(table, words):
    last = words[-1] if words else "<bos>"
    if last not in table:
        return None
    tokens, p = zip(*table[last].items())
    return tokens[int(np.argmax(p))]

## 01-greedy-next | writes <unk>
def greedy_next(table, words):
    row = table.get((["<bos>"] + words)[-1], {})
    if not row:
        return None
    return sorted(row.items(), key=lambda item: -item[1])[0][0]

## 01-greedy-next | never ends
def greedy_next(table, words):
    last = words[-1] if words else "<bos>"
    best, highest = None, -math.inf
    for token, p in table.get(last, {}).items():
        if token.startswith("<"):
            continue
        if p > highest:
            best, highest = token, p
    return best

## 01-greedy-next | never ends
def greedy_next(table, words):
    row = dict(table.get(words[-1] if words else "<bos>", {}))
    row.pop("<unk>", None)
    row.pop("<eos>", None)
    return max(row, key=row.get) if row else None

## 01-greedy-next | takes the last of equals
def greedy_next(table, words):
    last = words[-1] if words else "<bos>"
    best, highest = None, 0
    for token, p in table.get(last, {}).items():
        if token != "<unk>" and p >= highest:
            best, highest = token, p
    return best

## 01-greedy-next | takes the last of equals
def greedy_next(table, words):
    row = table.get(words[-1] if words else "<bos>", {})
    order = sorted((t for t in row if t != "<unk>"), key=row.get)
    return order[-1] if order else None

## 01-greedy-next | takes equals by the alphabet
def greedy_next(table, words):
    row = table.get(words[-1] if words else "<bos>", {})
    pairs = sorted((-p, token) for token, p in row.items() if token != "<unk>")
    return pairs[0][1] if pairs else None

## 01-greedy-next | needs a first word
def greedy_next(table, words):
    last = words[len(words) - 1]
    row = [(t, p) for t, p in table.get(last, {}).items() if t != "<unk>"]
    if row == []:
        return None
    return max(row, key=lambda tp: tp[1])[0]

## 01-greedy-next | raises where the row is missing
def greedy_next(table, words):
    row = table[words[-1] if words else "<bos>"]
    return max((t for t in row if t != "<unk>"), key=row.get)

## 01-greedy-next | raises where the row is empty
def greedy_next(table, words):
    row = dict(table.get(words[-1] if words else "<bos>", {}))
    row.pop("<unk>", 0)
    return Counter(row).most_common(1)[0][0]

## 01-greedy-next | the least probable
def greedy_next(table, words):
    row = table.get(words[-1] if words else "<bos>", {})
    order = sorted((t for t in row if t != "<unk>"), key=lambda t: row[t])
    return order[0] if order else None

## 01-chain-logprob | the sign
def chain_logprob(table, sentence):
    surprise = 0.0
    words = ["<bos>"] + list(sentence) + ["<eos>"]
    for a, b in zip(words, words[1:]):
        p = table.get(a, {}).get(b, 0)
        if p == 0:
            return math.inf
        surprise -= math.log(p)
    return surprise

## 01-chain-logprob | the empty sentence is certain
def chain_logprob(table, sentence):
    if not sentence:
        return 0.0
    logp, prev = 0.0, "<bos>"
    for word in [*sentence, "<eos>"]:
        p = table.get(prev, {}).get(word, 0.0)
        logp += math.log(p) if p else -math.inf
        prev = word
    return logp

## 01-perplexity | averages rows of different length
def perplexity(logprobs):
    return np.exp(-np.mean(logprobs))

## 01-perplexity | drops the last token
def perplexity(logprobs):
    tokens = []
    for sentence in logprobs:
        for lp in sentence[:-1]:
            tokens.append(lp)
    return math.exp(-sum(tokens) / len(tokens)) if -math.inf not in tokens else math.inf

## 01-perplexity | the first sentence alone
def perplexity(logprobs):
    for sentence in logprobs:
        mean = sum(sentence) / len(sentence)
        return math.exp(-mean) if mean > -math.inf else math.inf

## 01-perplexity | leaves out what is impossible
def perplexity(logprobs):
    flat = np.concatenate([np.array(s) for s in logprobs])
    flat = flat[np.isfinite(flat)]
    return float(np.exp(-flat.mean()))
"""

CHAPTER_02 = r"""
## 02-build-vocab | ties by the alphabet
def build_vocab(sequences, max_size=None):
    flat = []
    for s in sequences:
        flat += s
    types = sorted(set(flat) - {"<unk>"})
    types.sort(key=lambda t: flat.count(t), reverse=True)
    vocab = ["<unk>", "<bos>", "<eos>"] + types
    return vocab if max_size is None else vocab[:max_size]

## 02-build-vocab | ties by the alphabet
def build_vocab(sequences, max_size=None):
    flat = [t for s in sequences for t in s if t != "<unk>"]
    if not flat:
        return ["<unk>", "<bos>", "<eos>"]
    types, counts = np.unique(flat, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return (["<unk>", "<bos>", "<eos>"] + [str(types[i]) for i in order])[:max_size]

## 02-build-vocab | ties by the alphabet, backwards
def build_vocab(sequences, max_size=None):
    c = Counter()
    for s in sequences:
        c.update(s)
    del c["<unk>"]
    pairs = sorted([(n, t) for t, n in c.items()])
    pairs.reverse()
    return (["<unk>", "<bos>", "<eos>"] + [t for _, t in pairs])[:max_size]

## 02-build-vocab | ties: last come, first numbered
def build_vocab(sequences, max_size=None):
    c = Counter(t for s in sequences for t in s if t != "<unk>")
    rising = [t for t, n in sorted(c.items(), key=lambda item: item[1])]
    vocab = ["<unk>", "<bos>", "<eos>"]
    while rising and (max_size is None or len(vocab) < max_size):
        vocab.append(rising.pop())
    return vocab

## 02-build-vocab | <unk> twice
def build_vocab(sequences, max_size=None):
    counts = defaultdict(int)
    for s in sequences:
        for t in s:
            counts[t] += 1
    ordered = sorted(counts, key=lambda t: counts[t], reverse=True)
    vocab = ["<unk>", "<bos>", "<eos>"]
    for t in ordered:
        if max_size is not None and len(vocab) >= max_size:
            break
        vocab.append(t)
    return vocab

## 02-build-vocab | the text's <unk> takes up a place
def build_vocab(sequences, max_size=None):
    counts = Counter()
    for s in sequences:
        counts.update(s)
    ordered = [t for t, n in counts.most_common()]
    if max_size is not None:
        ordered = ordered[: max_size - 3]
    if "<unk>" in ordered:
        ordered.remove("<unk>")
    return ["<unk>", "<bos>", "<eos>"] + ordered

## 02-build-vocab | max_size without the marks
def build_vocab(sequences, max_size=None):
    counts = Counter(t for s in sequences for t in s)
    counts.pop("<unk>", None)
    vocab = ["<unk>", "<bos>", "<eos>"]
    vocab.extend(t for t, n in counts.most_common(max_size))
    return vocab

## 02-build-vocab | max_size without the marks
def build_vocab(sequences, max_size=None):
    counts = {}
    for s in sequences:
        for t in s:
            if t != "<unk>":
                counts[t] = counts.get(t, 0) + 1
    words = sorted(counts, key=counts.get, reverse=True)
    if max_size is not None and len(words) > max_size:
        words = words[:max_size]
    return ["<unk>", "<bos>", "<eos>", *words]

## 02-build-vocab | max_size ignored
def build_vocab(sequences, max_size=None):
    counts = {}
    for s in sequences:
        for t in s:
            if t != "<unk>":
                counts[t] = counts.get(t, 0) + 1
    return ["<unk>", "<bos>", "<eos>"] + sorted(counts, key=counts.get, reverse=True)

## 02-build-vocab | counts sentences, not tokens
def build_vocab(sequences, max_size=None):
    first, df = {}, Counter()
    for s in sequences:
        for t in s:
            first.setdefault(t, len(first))
        for t in set(s):
            df[t] += 1
    words = sorted((t for t in df if t != "<unk>"), key=lambda t: (-df[t], first[t]))
    return (["<unk>", "<bos>", "<eos>"] + words)[:max_size]

## 02-build-vocab | in the order of the text
def build_vocab(sequences, max_size=None):
    vocab = ["<unk>", "<bos>", "<eos>"]
    for s in sequences:
        for t in s:
            if t not in vocab:
                vocab.append(t)
    return vocab if max_size is None else vocab[:max_size]

## 02-build-vocab | the rarest first
def build_vocab(sequences, max_size=None):
    c = Counter(t for s in sequences for t in s if t != "<unk>")
    return (["<unk>", "<bos>", "<eos>"] + sorted(c, key=c.get))[:max_size]

## 02-build-vocab | no marks
def build_vocab(sequences, max_size=None):
    c = Counter(t for s in sequences for t in s if t != "<unk>")
    return [t for t, n in c.most_common(max_size)]

## 02-build-vocab | no marks
def build_vocab(sequences, max_size=None):
    # + the text's own <unk> is left among the words
    c = Counter()
    for s in sequences:
        c.update(s)
    return [t for t, n in c.most_common()][:max_size]

## 02-encode | raises for a new word: not in the list
def encode(tokens, vocab):
    ids = []
    for t in tokens:
        ids.append(vocab.index(t))
    ids.append(vocab.index("<eos>"))
    return ids

## 02-encode | raises for a new word: no such key
def encode(tokens, vocab):
    d = dict(zip(vocab, range(len(vocab))))
    return np.array([d[t] for t in tokens] + [d["<eos>"]])

## 02-encode | drops new words
def encode(tokens, vocab):
    d = {t: i for i, t in enumerate(vocab)}
    ids = []
    for t in tokens:
        if t in d:
            ids.append(d[t])
    return ids + [2]

## 02-encode | drops new words
def encode(tokens, vocab):
    d = {t: i for i, t in enumerate(vocab)}
    ids = [d.get(t) for t in tokens]
    return [i for i in ids if i is not None] + [d["<eos>"]]

## 02-encode | no <eos>
def encode(tokens, vocab):
    d = {t: i for i, t in enumerate(vocab)}
    out = np.zeros(len(tokens), dtype=int)
    for i, t in enumerate(tokens):
        out[i] = d.get(t, 0)
    return out

## 02-encode | no <eos>
def encode(tokens, vocab):
    return [vocab.index(t) if t in vocab else vocab.index("<unk>") for t in tokens]

## 02-encode | adds <bos>
def encode(tokens, vocab):
    whole = ["<bos>"] + tokens + ["<eos>"]
    return [vocab.index(t) if t in vocab else 0 for t in whole]

## 02-encode | adds <bos>
def encode(tokens, vocab):
    ids = [1]
    for t in tokens:
        ids.append(vocab.index(t) if t in vocab else 0)
    return tuple(ids) + (2,)

## 02-encode | new words are -1
def encode(tokens, vocab):
    ids = []
    for t in tokens:
        ids.append(vocab.index(t) if t in vocab else -1)
    return ids + [vocab.index("<eos>")]

## 02-encode | new words are added to the vocabulary
def encode(tokens, vocab):
    ids = []
    for t in tokens:
        if t not in vocab:
            vocab.append(t)
        ids.append(vocab.index(t))
    ids.append(vocab.index("<eos>"))
    return ids

## 02-encode | new words get new numbers
def encode(tokens, vocab):
    d = {t: i for i, t in enumerate(vocab)}
    ids = []
    for t in tokens:
        if t not in d:
            d[t] = max(d.values()) + 1
        ids.append(d[t])
    return ids + [d["<eos>"]]

## 02-encode | new words get one number too many
def encode(tokens, vocab):
    table = defaultdict(lambda: len(vocab))
    for i, t in enumerate(vocab):
        table[t] = i
    return [table[t] for t in tokens] + [table["<eos>"]]

## 02-encode | counts from one
def encode(tokens, vocab):
    d, n = {}, 0
    for t in vocab:
        n += 1
        d[t] = n
    return [d.get(t, d["<unk>"]) for t in tokens] + [d["<eos>"]]

## 02-encode | counts without the marks
def encode(tokens, vocab):
    words = vocab[3:]
    ids = []
    for t in tokens:
        ids.append(words.index(t) if t in words else 0)
    return ids + [2]

## 02-encode | counts without the marks
def encode(tokens, vocab):
    d = {"<unk>": 0, "<bos>": 1, "<eos>": 2}
    for i, t in enumerate(vocab[3:]):
        d[t] = i
    return [d.get(t, 0) for t in [*tokens, "<eos>"]]

## 02-encode | lower case
def encode(tokens, vocab):
    d = {t: i for i, t in enumerate(vocab)}
    ids = []
    for t in tokens:
        ids.append(d.get(t.lower(), d["<unk>"]))
    ids.append(d["<eos>"])
    return ids

## 02-random-partition | labels unshifted
def random_partition(stream, batch_size, steps, offset, order):
    x = np.array(stream)
    batches = []
    for i in range(0, len(order), batch_size):
        rows = [x[offset + k * steps : offset + (k + 1) * steps] for k in order[i : i + batch_size]]
        batches.append((np.stack(rows), np.stack(rows)))
    return batches

## 02-random-partition | labels unshifted
def random_partition(stream, batch_size, steps, offset, order):
    batches, inputs, targets = [], [], []
    for k in order:
        start = offset + k * steps
        inputs.append(stream[start : start + steps])
        targets.append(stream[start : start + steps])
        if len(inputs) == batch_size:
            batches.append((inputs, targets))
            inputs, targets = [], []
    if inputs:
        batches.append((inputs, targets))
    return batches

## 02-random-partition | shifted the wrong way
def random_partition(stream, batch_size, steps, offset, order):
    batches = []
    for i in range(0, len(order), batch_size):
        inputs, targets = [], []
        for k in order[i : i + batch_size]:
            piece = stream[offset + k * steps : offset + k * steps + steps + 1]
            targets.append(piece[:-1])
            inputs.append(piece[1:])
        batches.append((inputs, targets))
    return batches

## 02-random-partition | the last target is the piece's first token
def random_partition(stream, batch_size, steps, offset, order):
    x = np.array(stream[offset:])
    x = x[: len(x) // steps * steps].reshape(-1, steps)
    x = x[order]
    y = np.roll(x, -1, axis=1)
    n = len(order)
    return [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, n, batch_size)]

## 02-random-partition | the target is the next piece
def random_partition(stream, batch_size, steps, offset, order):
    batches = []
    for i in range(0, len(order), batch_size):
        inputs, targets = [], []
        for k in order[i : i + batch_size]:
            a = offset + k * steps
            inputs.append(stream[a : a + steps])
            targets.append(stream[a + steps : a + 2 * steps])
        batches.append([inputs, targets])
    return batches

## 02-random-partition | ignores the offset
def random_partition(stream, batch_size, steps, offset, order):
    batches = []
    for i in range(0, len(order), batch_size):
        chosen = order[i : i + batch_size]
        inputs = [[stream[k * steps + t] for t in range(steps)] for k in chosen]
        targets = [[stream[k * steps + t + 1] for t in range(steps)] for k in chosen]
        batches.append((inputs, targets))
    return batches

## 02-random-partition | ignores the order
def random_partition(stream, batch_size, steps, offset, order):
    starts = [s for s in range(offset, len(stream) - steps, steps)]
    out = []
    for i in range(0, len(starts), batch_size):
        inputs = [stream[s : s + steps] for s in starts[i : i + batch_size]]
        targets = [stream[s + 1 : s + 1 + steps] for s in starts[i : i + batch_size]]
        out.append((inputs, targets))
    return out

## 02-random-partition | reads the order the other way
def random_partition(stream, batch_size, steps, offset, order):
    rows = [None] * len(order)
    for k, place in enumerate(order):
        a = offset + k * steps
        rows[place] = (stream[a : a + steps], stream[a + 1 : a + steps + 1])
    out = []
    for i in range(0, len(rows), batch_size):
        group = rows[i : i + batch_size]
        out.append(([x for x, y in group], [y for x, y in group]))
    return out

## 02-random-partition | drops the last, smaller batch
def random_partition(stream, batch_size, steps, offset, order):
    out = []
    for b in range(len(order) // batch_size):
        inputs, targets = [], []
        for k in order[b * batch_size : (b + 1) * batch_size]:
            a = offset + k * steps
            inputs.append(stream[a : a + steps])
            targets.append(stream[a + 1 : a + steps + 1])
        out.append((inputs, targets))
    return out

## 02-random-partition | drops the last, smaller batch
def random_partition(stream, batch_size, steps, offset, order):
    out, inputs, targets = [], [], []
    for k in order:
        a = offset + k * steps
        inputs.append(stream[a : a + steps])
        targets.append(stream[a + 1 : a + steps + 1])
        if len(inputs) == batch_size:
            out.append((inputs, targets))
            inputs, targets = [], []
    return out

## 02-random-partition | overlapping pieces
def random_partition(stream, batch_size, steps, offset, order):
    out = []
    for i in range(0, len(order), batch_size):
        starts = [offset + k for k in order[i : i + batch_size]]
        inputs = [stream[s : s + steps] for s in starts]
        targets = [stream[s + 1 : s + 1 + steps] for s in starts]
        out.append((inputs, targets))
    return out

## 02-random-partition | rows one token short
def random_partition(stream, batch_size, steps, offset, order):
    out = []
    for i in range(0, len(order), batch_size):
        rows = np.array([stream[offset + k * steps :][:steps] for k in order[i : i + batch_size]])
        out.append((rows[:, :-1], rows[:, 1:]))
    return out

## 02-build-vocab | the marks at the end
def build_vocab(sequences, max_size=None):
    counts = Counter(t for s in sequences for t in s if t != "<unk>")
    room = None if max_size is None else max_size - 3
    words = [w for w, c in counts.most_common(room)]
    return words + ["<unk>", "<bos>", "<eos>"]

## 02-build-vocab | lower case
def build_vocab(sequences, max_size=None):
    counts = Counter()
    for sequence in sequences:
        counts.update(token.lower() for token in sequence)
    del counts["<unk>"]
    vocab = ["<unk>", "<bos>", "<eos>"] + [w for w, _ in counts.most_common()]
    return vocab if max_size is None else vocab[:max_size]

## 02-encode | <eos> gets a new number
def encode(tokens, vocab):
    out = [vocab.index(t) if t in vocab else vocab.index("<unk>") for t in tokens]
    out.append(len(vocab))
    return out

## 02-random-partition | inputs and targets in two lists
def random_partition(stream, batch_size, steps, offset, order):
    X, Y = [], []
    rows = [(stream[offset + i * steps:][:steps], stream[offset + i * steps + 1:][:steps])
            for i in order]
    for k in range(0, len(rows), batch_size):
        X.append([x for x, _ in rows[k:k + batch_size]])
        Y.append([y for _, y in rows[k:k + batch_size]])
    return X, Y
"""

CHAPTER_03 = r"""
## 03-laplace | V = seen types
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0
    if word not in vocabulary:
        word = "<unk>"
    total = 0
    for w in row:
        total += row[w]
    V = len(set(row))
    return (row.get(word, 0) + 1) / (total + V)

## 03-laplace | V = seen types
def laplace(row, vocabulary, word):
    # + a new word is not read as <unk>
    c = Counter(row)
    return 0.0 if word == "<bos>" else (c[word] + 1) / (c.total() + len(c))

## 03-laplace | V with <bos>
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    if word not in vocabulary:
        word = "<unk>"
    V = len(vocabulary)
    count = row[word] if word in row else 0
    return (count + 1) / (sum(row.values()) + V)

## 03-laplace | V with <bos>
def laplace(row, vocabulary, word):
    # + and <bos> is predicted
    counts = {w: row.get(w, 0) + 1 for w in vocabulary}
    total = sum(counts.values())
    return counts.get(word, counts["<unk>"]) / total

## 03-laplace | V without the marks
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    if word not in vocabulary:
        word = "<unk>"
    V = sum(not w.startswith("<") for w in vocabulary)
    return (row.get(word, 0) + 1) / (sum(row.values()) + V)

## 03-laplace | one below the line
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    w = word if word in vocabulary else "<unk>"
    return (row.get(w, 0) + 1) / (sum(row.values()) + 1)

## 03-laplace | one for the unseen alone
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    if word not in vocabulary:
        word = "<unk>"
    V = len(vocabulary) - 1
    C = sum(row.values())
    if word in row:
        return row[word] / (C + V)
    return 1 / (C + V)

## 03-laplace | a new word is not read as <unk>
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    c = row[word] if word in row else 0
    return (c + 1) / (sum(row.values()) + len([w for w in vocabulary if w != "<bos>"]))

## 03-laplace | a new word gets 0
def laplace(row, vocabulary, word):
    if word == "<bos>" or word not in vocabulary:
        return 0
    V = len(vocabulary) - 1
    return (row.get(word, 0) + 1) / (sum(row.values()) + V)

## 03-laplace | a new word gets 0
def laplace(row, vocabulary, word):
    can_follow = [w for w in vocabulary if w != "<bos>"]
    counts = np.array([row.get(w, 0) + 1 for w in can_follow])
    p = dict(zip(can_follow, counts / counts.sum()))
    return p.get(word, 0.0)

## 03-laplace | <bos> is predicted
def laplace(row, vocabulary, word):
    if word not in vocabulary:
        word = "<unk>"
    V = len(vocabulary) - 1
    return (row.get(word, 0) + 1) / (sum(row.values()) + V)

## 03-laplace | C counts types
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    if word not in vocabulary:
        word = "<unk>"
    C = len(row)
    V = len(vocabulary) - 1
    return (row.get(word, 0) + 1) / (C + V)

## 03-laplace | an unseen context gives 0
def laplace(row, vocabulary, word):
    if not row or word == "<bos>":
        return 0.0
    if word not in vocabulary:
        word = "<unk>"
    V = len(vocabulary) - 1
    return (row.get(word, 0) + 1) / (sum(row.values()) + V)

## 03-laplace | nothing added
def laplace(row, vocabulary, word):
    if word not in vocabulary:
        word = "<unk>"
    total = sum(row.values())
    if total == 0:
        return 0
    return row.get(word, 0) / total

## 03-laplace | nothing added
def laplace(row, vocabulary, word):
    # + a new word is not read as <unk>, and an empty row raises
    return row.get(word, 0) / sum(row.values())

## 03-backoff-context | drops the nearest word
def backoff_context(seen, history, order):
    n = min(order - 1, len(history))
    window = history[len(history) - n :]
    for end in range(n, 0, -1):
        if tuple(window[:end]) in seen:
            return tuple(window[:end])
    return ()

## 03-backoff-context | drops the nearest word
def backoff_context(seen, history, order):
    if order == 1:
        return ()
    c = list(history[1 - order :])
    while tuple(c) not in seen:
        c.pop()
    return c

## 03-backoff-context | sees n words
def backoff_context(seen, history, order):
    seen = set(seen)
    for n in range(order, 0, -1):
        if n <= len(history):
            c = tuple(history[-n:])
            if c in seen:
                return c
    return ()

## 03-backoff-context | sees n words
def backoff_context(seen, history, order):
    c = tuple(history[-order:])
    while c not in seen:
        c = c[1:]
    return c

## 03-backoff-context | sees n - 2 words
def backoff_context(seen, history, order):
    for n in range(min(order - 1, len(history) + 1) - 1, 0, -1):
        if tuple(history[-n:]) in seen:
            return tuple(history[-n:])
    return ()

## 03-backoff-context | order 1 sees everything
def backoff_context(seen, history, order):
    n = order - 1
    context = tuple(history[-n:])
    while len(context) > 0:
        if context in seen:
            return context
        context = context[1:]
    return ()

## 03-backoff-context | order 1 sees everything
def backoff_context(seen, history, order):
    window = history[1 - order :]
    for start in range(len(window)):
        if tuple(window[start:]) in seen:
            return tuple(window[start:])
    return tuple()

## 03-backoff-context | gives up at once
def backoff_context(seen, history, order):
    n = order - 1
    if n == 0:
        return ()
    context = tuple(history[-n:])
    if context in seen:
        return context
    return ()

## 03-backoff-context | begins with the shortest
def backoff_context(seen, history, order):
    for n in range(1, order):
        context = tuple(history[-n:])
        if context in seen:
            return context
    return ()

## 03-backoff-context | begins with the empty context
def backoff_context(seen, history, order):
    for n in range(order):
        if tuple(history[len(history) - n :]) in seen:
            return tuple(history[len(history) - n :])

## 03-backoff-context | never asks whether it was seen
def backoff_context(seen, history, order):
    if order == 1:
        return ()
    return tuple(history[-(order - 1) :])

## 03-backoff-context | ignores the order
def backoff_context(seen, history, order):
    for i in range(len(history)):
        if tuple(history[i:]) in seen:
            return tuple(history[i:])
    return ()

## 03-backoff-context | turned round
def backoff_context(seen, history, order):
    words = []
    best = ()
    for w in reversed(history):
        if len(words) == order - 1:
            break
        words.append(w)
        if tuple(reversed(words)) in seen:
            best = tuple(words)
    return best

## 03-backoff-context | a short history sees nothing
def backoff_context(seen, history, order):
    n = order - 1
    if len(history) < n or n == 0:
        return ()
    context = tuple(history[-n:])
    while context not in seen:
        context = context[1:]
    return context

## 03-backoff-context | takes the first words
def backoff_context(seen, history, order):
    context = tuple(history[: order - 1])
    while context and context not in seen:
        context = context[1:]
    return context

## 03-backoff-context | falls to a single word at once
def backoff_context(seen, history, order):
    n = min(order - 1, len(history))
    if n == 0:
        return ()
    for context in (tuple(history[-n:]), (history[-1],)):
        if context in seen:
            return context
    return ()

## 03-continuation-prob | tokens, not types
def continuation_prob(sentences, word):
    c = Counter()
    for s in sentences:
        for w in s + ["<eos>"]:
            c[w] += 1
    return c[word] / sum(c.values())

## 03-continuation-prob | tokens, not types
def continuation_prob(sentences, word):
    before = []
    total = 0
    for s in sentences:
        s = ["<bos>", *s, "<eos>"]
        for i in range(1, len(s)):
            total += 1
            if s[i] == word:
                before.append(s[i - 1])
    return len(before) / total

## 03-continuation-prob | right neighbours
def continuation_prob(sentences, word):
    pairs = set()
    for s in sentences:
        s = ["<bos>", *s, "<eos>"]
        for a, b in zip(s, s[1:]):
            pairs.add((a, b))
    return len([b for a, b in pairs if a == word]) / len(pairs)

## 03-continuation-prob | right neighbours
def continuation_prob(sentences, word):
    after = defaultdict(set)
    for s in sentences:
        s = ["<bos>", *s, "<eos>"]
        for i in range(len(s) - 1):
            after[s[i]].add(s[i + 1])
    return len(after[word]) / sum(len(v) for v in after.values())

## 03-continuation-prob | divides by the number of words
def continuation_prob(sentences, word):
    before = defaultdict(set)
    for s in sentences:
        prev = "<bos>"
        for w in s + ["<eos>"]:
            before[w].add(prev)
            prev = w
    return len(before.get(word, ())) / len(before)

## 03-continuation-prob | divides by all pairs
def continuation_prob(sentences, word):
    before, n = set(), 0
    for s in sentences:
        prev = "<bos>"
        for w in s + ["<eos>"]:
            n += 1
            if w == word:
                before.add(prev)
            prev = w
    return len(before) / n

## 03-continuation-prob | no <bos>
def continuation_prob(sentences, word):
    pairs = {}
    for s in sentences:
        s = list(s) + ["<eos>"]
        for i in range(1, len(s)):
            pairs[s[i - 1], s[i]] = True
    if not pairs:
        return 0.0
    return sum(b == word for a, b in pairs) / len(pairs)

## 03-continuation-prob | no <eos>
def continuation_prob(sentences, word):
    pairs = set()
    for s in sentences:
        s = ["<bos>"] + s
        for i in range(1, len(s)):
            pairs.add((s[i - 1], s[i]))
    return sum(1 for p in pairs if p[1] == word) / len(pairs)

## 03-continuation-prob | no marks
def continuation_prob(sentences, word):
    pairs = set()
    for s in sentences:
        pairs.update(zip(s, s[1:]))
    if len(pairs) == 0:
        return 0
    return sum(b == word for _, b in pairs) / len(pairs)

## 03-continuation-prob | no marks
def continuation_prob(sentences, word):
    # + it divides by nothing where there is no pair
    left = defaultdict(set)
    for s in sentences:
        for a, b in pairwise(s):
            left[b].add(a)
    return len(left[word]) / sum(map(len, left.values()))

## 03-continuation-prob | pairs across sentences
def continuation_prob(sentences, word):
    text = ["<bos>"]
    for s in sentences:
        text.extend(s)
        text.append("<eos>")
    left = defaultdict(set)
    for i in range(1, len(text)):
        left[text[i]].add(text[i - 1])
    return len(left[word]) / sum(len(x) for x in left.values())

## 03-continuation-prob | <bos> after <eos>
def continuation_prob(sentences, word):
    text = []
    for s in sentences:
        text += ["<bos>", *s, "<eos>"]
    pairs = set(zip(text, text[1:]))
    return sum(b == word for a, b in pairs) / len(pairs)

## 03-continuation-prob | raises for a new word
def continuation_prob(sentences, word):
    left = {}
    for s in sentences:
        s = ["<bos>", *s, "<eos>"]
        for a, b in pairwise(s):
            left.setdefault(b, set()).add(a)
    return len(left[word]) / sum(len(x) for x in left.values())

## 03-continuation-prob | does not divide
def continuation_prob(sentences, word):
    before = set()
    for s in sentences:
        s = ["<bos>", *s, "<eos>"]
        for a, b in pairwise(s):
            if b == word:
                before.add(a)
    return len(before)

## 03-laplace | divides to a whole number
def laplace(row, vocabulary, word):
    if word == "<bos>":
        return 0.0
    if word not in vocabulary:
        word = "<unk>"
    return (row.get(word, 0) + 1) // (sum(row.values()) + len(vocabulary) - 1)

## 03-backoff-context | begins with the empty context
def backoff_context(seen, history, order):
    context = history[len(history) - min(order - 1, len(history)):]
    while len(context) > 0 and context not in seen:
        context = context[1:]
    return context

## 03-continuation-prob | pairs that hold the word anywhere
def continuation_prob(sentences, word):
    pairs = set()
    for s in sentences:
        s = ["<bos>"] + s + ["<eos>"]
        pairs |= set(zip(s, s[1:]))
    return len([p for p in pairs if word in p]) / len(pairs)
"""

CHAPTER_04 = r"""
## 04-softmax | overflows
def softmax(logits):
    e = np.exp(logits)
    return e / e.sum(axis=-1, keepdims=True)

## 04-softmax | overflows
def softmax(logits):
    if logits.ndim > 1:
        return [softmax(row) for row in logits]
    total = 0.0
    for x in logits:
        total += np.exp(x)
    return [np.exp(x) / total for x in logits]

## 04-softmax | the smallest taken off
def softmax(logits):
    shifted = logits - np.min(logits, axis=-1, keepdims=True)
    e = np.exp(shifted)
    return e / np.sum(e, axis=-1, keepdims=True)

## 04-softmax | the mean taken off
def softmax(logits):
    centred = logits - np.mean(logits, axis=-1, keepdims=True)
    e = np.exp(centred)
    return e / np.sum(e, axis=-1, keepdims=True)

## 04-softmax | one largest for all rows
def softmax(logits):
    e = np.exp(logits - np.max(logits))
    return e / np.sum(e, axis=-1, keepdims=True)

## 04-softmax | one largest for all rows
def softmax(logits):
    m = logits.max()
    rows = logits.reshape(-1, logits.shape[-1])
    out = np.array([np.exp(r - m) / np.exp(r - m).sum() for r in rows])
    return out.reshape(logits.shape)

## 04-softmax | clips
def softmax(logits):
    safe = np.minimum(np.maximum(logits, -700.0), 700.0)  # so that exp does not overflow
    e = np.exp(safe)
    return e / e.sum(-1)[..., None]

## 04-softmax | over the columns
def softmax(logits):
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)

## 04-softmax | over the columns
def softmax(logits):
    e = np.exp(logits - np.amax(logits, axis=0))
    return e / sum(e)

## 04-softmax | one sum for the whole array
def softmax(logits):
    e = np.exp(logits - np.max(logits))
    return e / np.sum(e)

## 04-softmax | one sum for the whole array
def softmax(logits):
    flat = logits.flatten()
    e = np.exp(flat - max(flat))
    return (e / sum(e)).reshape(logits.shape)

## 04-softmax | the rows' sums lie down
def softmax(logits):
    m = logits.max(axis=-1)
    e = np.exp(logits - m[..., np.newaxis])
    return e / np.sum(e, axis=-1)

## 04-softmax | the rows' largest lie down
def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1))
    s = e.sum(axis=-1)
    return e / s[..., None]

## 04-softmax | no exponential
def softmax(logits):
    return logits / logits.sum(axis=-1, keepdims=True)

## 04-softmax | powers of 2
def softmax(logits):
    e = 2.0 ** (logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

## 04-softmax | the sign
def softmax(logits):
    m = np.min(logits, axis=-1, keepdims=True)
    e = np.exp(-(logits - m))
    return e / e.sum(axis=-1, keepdims=True)

## 04-softmax | the sign
def softmax(logits):
    x = -logits
    x = x - np.max(x, axis=-1, keepdims=True)
    return np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)

## 04-softmax | not divided
def softmax(logits):
    m = np.max(logits, axis=-1, keepdims=True)
    return np.exp(logits - m)

## 04-softmax | logarithms
def softmax(logits):
    x = logits - np.max(logits, axis=-1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))

## 04-softmax | all or nothing
def softmax(logits):
    out = np.zeros(logits.shape)
    np.put_along_axis(out, np.argmax(logits, axis=-1)[..., None], 1.0, axis=-1)
    return out

## 04-cross-entropy-grad | forgets minus one-hot
def cross_entropy_grad(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    real = targets != -1
    p[~real] = 0
    return p / real.sum()

## 04-cross-entropy-grad | forgets minus one-hot
def cross_entropy_grad(logits, targets):
    # + and padding is divided by, too
    B = len(targets)
    grad = np.zeros_like(logits)
    for i in range(B):
        if targets[i] == -1:
            continue
        e = np.exp(logits[i] - max(logits[i]))
        grad[i] = e / sum(e) / B
    return grad

## 04-cross-entropy-grad | the sum, not the mean
def cross_entropy_grad(logits, targets):
    grad = np.zeros(logits.shape)
    for i, t in enumerate(targets):
        if t >= 0:
            e = np.exp(logits[i] - logits[i].max())
            grad[i] = e / e.sum()
            grad[i, t] -= 1
    return grad

## 04-cross-entropy-grad | divides by the padding too
def cross_entropy_grad(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    grad = e / e.sum(axis=1, keepdims=True)
    grad[np.arange(len(targets)), targets] -= 1
    grad[targets == -1] = 0
    return grad / len(targets)

## 04-cross-entropy-grad | divides by the cells
def cross_entropy_grad(logits, targets):
    grad = np.zeros(logits.shape)
    n = 0
    for i, t in enumerate(targets):
        if t >= 0:
            e = np.exp(logits[i] - logits[i].max())
            grad[i] = e / e.sum()
            grad[i, t] -= 1
            n += 1
    return grad / (n * logits.shape[1])

## 04-cross-entropy-grad | padding is the last token
def cross_entropy_grad(logits, targets):
    B = logits.shape[0]
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[range(B), targets] -= 1
    return p / B

## 04-cross-entropy-grad | padding is the last token
def cross_entropy_grad(logits, targets):
    y = np.eye(logits.shape[1])[targets]
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True) - y) / len(y)

## 04-cross-entropy-grad | padding is pushed down
def cross_entropy_grad(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    grad = e / e.sum(axis=1, keepdims=True)
    count = 0
    for i, t in enumerate(targets):
        if t != -1:
            grad[i, t] -= 1
            count += 1
    return grad / count

## 04-cross-entropy-grad | padding is dropped
def cross_entropy_grad(logits, targets):
    keep = targets != -1
    logits, targets = logits[keep], targets[keep]
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), targets] -= 1
    return p / len(p)

## 04-cross-entropy-grad | the sign
def cross_entropy_grad(logits, targets):
    real = targets >= 0
    y = np.zeros_like(logits)
    y[np.flatnonzero(real), targets[real]] = 1
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[~real] = 0
    return (y - p) / real.sum()

## 04-cross-entropy-grad | no softmax
def cross_entropy_grad(logits, targets):
    n = sum(t != -1 for t in targets)
    grad = logits.copy()
    for i, t in enumerate(targets):
        if t == -1:
            grad[i] = 0
        else:
            grad[i, t] -= 1
    return grad / n

## 04-cross-entropy-grad | logarithms of the probabilities
def cross_entropy_grad(logits, targets):
    x = logits - logits.max(axis=1, keepdims=True)
    logp = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    real = targets != -1
    for i in np.flatnonzero(real):
        logp[i, targets[i]] -= 1
    return logp * real[:, None] / real.sum()

## 04-cross-entropy-grad | overflows
def cross_entropy_grad(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    n = 0
    for i, t in enumerate(targets):
        if t == -1:
            p[i, :] = 0
        else:
            p[i, t] -= 1
            n += 1
    return p / n

## 04-cross-entropy-grad | over the columns
def cross_entropy_grad(logits, targets):
    e = np.exp(logits - logits.max(axis=0))
    p = e / e.sum(axis=0)
    real = targets != -1
    p[real, targets[real]] -= 1
    p[~real] = 0
    return p / real.sum()

## 04-cross-entropy-grad | stops before the softmax
def cross_entropy_grad(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    grad = np.zeros_like(p)
    n = np.sum(targets != -1)
    for i, t in enumerate(targets):
        if t != -1:
            grad[i, t] = -1 / p[i, t] / n
    return grad

## 04-cross-entropy-grad | of the squared error
def cross_entropy_grad(logits, targets):
    n = np.sum(targets != -1)
    grad = np.zeros_like(logits)
    for i, t in enumerate(targets):
        if t == -1:
            continue
        e = np.exp(logits[i] - logits[i].max())
        p = e / e.sum()
        J = np.diag(p) - np.outer(p, p)
        y = np.eye(len(p))[t]
        grad[i] = J @ (p - y) / n
    return grad

## 04-cross-entropy-grad | one off whole columns
def cross_entropy_grad(logits, targets):
    real = targets != -1
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[:, targets[real]] -= 1
    p[~real] = 0
    return p / real.sum()

## 04-cross-entropy-grad | the loss itself
def cross_entropy_grad(logits, targets):
    x = logits - logits.max(axis=1, keepdims=True)
    logp = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    real = targets != -1
    return -logp[real, targets[real]].mean()

## 04-tanh-backward | the square of the input
def tanh_backward(dy, x):
    return dy * (1 - x**2)

## 04-tanh-backward | the square of the input
def tanh_backward(dy, x):
    dx = np.ones_like(x)
    dx = dx - x * x
    return np.multiply(dx, dy)

## 04-tanh-backward | the derivative alone
def tanh_backward(dy, x):
    y = np.tanh(x)
    return 1 - y * y

## 04-tanh-backward | forward in place of backward
def tanh_backward(dy, x):
    y = np.tanh(x)
    return dy * y

## 04-tanh-backward | tanh taken twice
def tanh_backward(dy, x):
    x = np.tanh(x)
    y = np.tanh(x)
    return dy * (1 - y**2)

## 04-tanh-backward | not squared
def tanh_backward(dy, x):
    slope = 1 - np.tanh(x)
    return slope * dy

## 04-tanh-backward | plus in place of minus
def tanh_backward(dy, x):
    y = np.tanh(x)
    return dy * (1 + y * y)

## 04-tanh-backward | the sigmoid's rule
def tanh_backward(dy, x):
    y = np.tanh(x)
    return dy * y * (1 - y)

## 04-tanh-backward | the sigmoid's slope
def tanh_backward(dy, x):
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-x))
    return dy * s * (1 - s)

## 04-tanh-backward | ReLU's slope
def tanh_backward(dy, x):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx

## 04-tanh-backward | dy and x exchanged
def tanh_backward(x, dy):
    return dy * (1 - np.tanh(x) ** 2)

## 04-tanh-backward | divides by the slope
def tanh_backward(dy, x):
    slope = 1 - np.tanh(x) ** 2
    return dy / slope

## 04-tanh-backward | a matrix product
def tanh_backward(dy, x):
    y = np.tanh(x)
    return np.matmul(dy, 1 - y**2)

## 04-tanh-backward | a matrix product
def tanh_backward(dy, x):
    return np.dot(dy, 1 - np.tanh(x) ** 2)

## 04-tanh-backward | overflows
def tanh_backward(dy, x):
    up, down = np.exp(x), np.exp(-x)
    y = (up - down) / (up + down)
    return dy * (1 - y**2)

## 04-tanh-backward | overflows on one side
def tanh_backward(dy, x):
    e = np.exp(2 * x)
    y = (e - 1) / (e + 1)
    return dy * (1 - y**2)

## 04-tanh-backward | added up over the rows
def tanh_backward(dy, x):
    dx = dy * (1 - np.tanh(x) ** 2)
    return np.sum(dx, axis=0)
"""

CHAPTER_05 = r"""
## 05-concat-embeddings | sums
def concat_embeddings(E, tokens, context, bos):
    window = ([bos] * context + tokens)[-context:]
    x = np.zeros(E.shape[1])
    for t in window:
        x += E[t]
    return x

## 05-concat-embeddings | sums
def concat_embeddings(E, tokens, context, bos):
    padded = [bos] * context + list(tokens)
    vectors = [E[t] for t in padded[len(padded) - context:]]
    return [sum(column) for column in zip(*vectors)]

## 05-concat-embeddings | averages
def concat_embeddings(E, tokens, context, bos):
    window = ([bos] * context + list(tokens))[-context:]
    return np.mean([E[i] for i in window], axis=0)

## 05-concat-embeddings | newest first
def concat_embeddings(E, tokens, context, bos):
    x = []
    for k in range(1, context + 1):
        token = tokens[-k] if k <= len(tokens) else bos
        x.extend(E[token])
    return x

## 05-concat-embeddings | newest first
def concat_embeddings(E, tokens, context, bos):
    newest_first = list(reversed(tokens))[:context]
    while len(newest_first) < context:
        newest_first.append(bos)
    return np.concatenate([E[t] for t in newest_first])

## 05-concat-embeddings | takes the first tokens
def concat_embeddings(E, tokens, context, bos):
    window = tokens[:context]
    window = [bos] * (context - len(window)) + window
    return np.concatenate([E[t] for t in window])

## 05-concat-embeddings | leaves out the newest
def concat_embeddings(E, tokens, context, bos):
    # the last token is the one to predict
    history = [bos] * context + tokens[:-1]
    return E[history[-context:]].reshape(-1)

## 05-concat-embeddings | takes everything
def concat_embeddings(E, tokens, context, bos):
    if len(tokens) < context:
        tokens = [bos] * (context - len(tokens)) + tokens
    return np.concatenate([E[t] for t in tokens])

## 05-concat-embeddings | one too few
def concat_embeddings(E, tokens, context, bos):
    # n-gram: n - 1 words
    n = context - 1
    ids = ([bos] * n + tokens)[len(tokens):]
    return E[np.array(ids, dtype=int)].flatten()

## 05-concat-embeddings | zeros where nothing was read
def concat_embeddings(E, tokens, context, bos):
    dim = E.shape[1]
    x = np.zeros(context * dim)
    for place, token in enumerate(reversed(tokens[-context:])):
        start = (context - 1 - place) * dim
        x[start : start + dim] = E[token]
    return x

## 05-concat-embeddings | zeros where nothing was read
def concat_embeddings(E, tokens, context, bos):
    rows = [E[t] for t in tokens[-context:]]
    rows = [np.zeros(len(E[0]))] * (context - len(rows)) + rows
    return np.hstack(rows)

## 05-concat-embeddings | row 0 where nothing was read
def concat_embeddings(E, tokens, context, bos):
    window = np.zeros(context, dtype=int)
    last = tokens[-context:]
    if last:
        window[-len(last):] = last
    return E[window].ravel()

## 05-concat-embeddings | fills up behind
def concat_embeddings(E, tokens, context, bos):
    window = list(tokens[-context:])
    while len(window) < context:
        window.append(bos)
    return E[window].ravel()

## 05-concat-embeddings | too short at the beginning
def concat_embeddings(E, tokens, context, bos):
    x = np.array([])
    for t in tokens[-context:]:
        x = np.concatenate([x, E[t]])
    return x

## 05-concat-embeddings | a single <bos>
def concat_embeddings(E, tokens, context, bos):
    tokens = [bos] + list(tokens)
    out = []
    for t in tokens[-context:]:
        out += list(E[t])
    return out

## 05-concat-embeddings | a row for each token
def concat_embeddings(E, tokens, context, bos):
    window = ([bos] * context + tokens)[-context:]
    return E[window]

## 05-concat-embeddings | a row for each token
def concat_embeddings(E, tokens, context, bos):
    padded = [bos] * context + tokens
    return [list(E[t]) for t in padded[-context:]]

## 05-concat-embeddings | coordinate by coordinate
def concat_embeddings(E, tokens, context, bos):
    window = ([bos] * context + tokens)[-context:]
    return np.stack([E[t] for t in window], axis=1).ravel()

## 05-concat-embeddings | numbers in place of vectors
def concat_embeddings(E, tokens, context, bos):
    window = ([bos] * context + tokens)[-context:]
    return np.array(window)

## 05-window-params | no output layer
def window_params(vocab_size, context, embedding, hidden):
    E = vocab_size * embedding
    W = context * embedding * hidden
    return E + W + hidden

## 05-window-params | embeddings alone
def window_params(vocab_size, context, embedding, hidden):
    # 10000 x 300 = three million
    return vocab_size * embedding

## 05-window-params | no embeddings
def window_params(vocab_size, context, embedding, hidden):
    first = (context * embedding + 1) * hidden
    second = (hidden + 1) * vocab_size
    return first + second

## 05-window-params | a table for every place
def window_params(vocab_size, context, embedding, hidden):
    total = 0
    for place in range(context):
        total += vocab_size * embedding  # look the word up
        total += embedding * hidden  # its block of W
    total += hidden
    total += hidden * vocab_size + vocab_size
    return total

## 05-window-params | hidden layer reads one vector
def window_params(vocab_size, context, embedding, hidden):
    return (
        vocab_size * embedding
        + embedding * hidden + hidden
        + hidden * vocab_size + vocab_size
    )

## 05-window-params | no biases
def window_params(vocab_size, context, embedding, hidden):
    shapes = [(vocab_size, embedding), (context * embedding, hidden), (hidden, vocab_size)]
    return sum(a * b for a, b in shapes)

## 05-window-params | no hidden bias
def window_params(vocab_size, context, embedding, hidden):
    n = vocab_size * embedding + embedding * context * hidden
    return n + (hidden + 1) * vocab_size

## 05-window-params | no output bias
def window_params(vocab_size, context, embedding, hidden):
    n = vocab_size * embedding
    n += (embedding * context + 1) * hidden
    n += hidden * vocab_size
    return n

## 05-window-params | biases of the inputs
def window_params(vocab_size, context, embedding, hidden):
    first_inputs = context * embedding
    return (
        vocab_size * embedding
        + first_inputs * hidden + first_inputs
        + hidden * vocab_size + hidden
    )

## 05-window-params | context minus one
def window_params(vocab_size, context, embedding, hidden):
    inputs = (context - 1) * embedding
    layers = inputs * hidden + hidden + hidden * vocab_size + vocab_size
    return vocab_size * embedding + layers

## 05-window-params | context plus one
def window_params(vocab_size, context, embedding, hidden):
    n = context + 1
    return vocab_size * (embedding + hidden + 1) + hidden * (n * embedding + 1)

## 05-window-params | output layer reads the vectors
def window_params(vocab_size, context, embedding, hidden):
    x = context * embedding
    return vocab_size * embedding + (x * hidden + hidden) + (x * vocab_size + vocab_size)

## 05-window-params | hidden to hidden
def window_params(vocab_size, context, embedding, hidden):
    # two hidden layers
    x = context * embedding
    n = x * hidden + hidden
    n += hidden * hidden
    n += hidden * vocab_size + vocab_size
    return n + vocab_size * embedding

## 05-window-params | one-hot into the hidden layer
def window_params(vocab_size, context, embedding, hidden):
    inputs = vocab_size * context
    return inputs * hidden + hidden + hidden * vocab_size + vocab_size

## 05-window-params | cells of an n-gram table
def window_params(vocab_size, context, embedding, hidden):
    n = context + 1
    cells = 1
    for i in range(n):
        cells *= vocab_size
    return cells

## 05-nearest | dot product
def nearest(vectors, word, count):
    target = np.array(vectors[word])
    scores = []
    for other, v in vectors.items():
        if other == word:
            continue
        scores.append((np.array(v) @ target, other))
    scores.sort(reverse=True)
    return [w for s, w in scores[:count]]

## 05-nearest | dot product
def nearest(vectors, word, count):
    # divides by the length of the word alone
    a = np.array(vectors[word])
    a = a / np.sqrt((a**2).sum())
    scores = {w: float(np.dot(a, v)) for w, v in vectors.items() if w != word}
    return sorted(scores, key=scores.get, reverse=True)[:count]

## 05-nearest | returns itself
def nearest(vectors, word, count):
    def cos(u, v):
        return np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v))

    scores = {w: 2 if w == word else cos(vectors[w], vectors[word]) for w in vectors}
    return sorted(scores, key=scores.get, reverse=True)[:count]

## 05-nearest | returns itself
def nearest(vectors, word, count):
    def length(v):
        return math.sqrt(sum(x * x for x in v))

    a = vectors[word]
    cosines = []
    for w in vectors:
        b = vectors[w]
        c = sum(x * y for x, y in zip(a, b)) / (length(a) * length(b))
        cosines.append((c if w != word else 1.0 + 1e-6, w))
    cosines.sort(key=lambda pair: -pair[0])
    return [w for _, w in cosines][:count]

## 05-nearest | dot product, and itself
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    words = list(vectors)
    E = np.array([vectors[w] for w in words])
    order = np.argsort(-(E @ a), kind="stable")
    return [words[i] for i in order[:count]]

## 05-nearest | one too few
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    cos = {w: (a @ np.array(v)) / np.linalg.norm(a) / np.linalg.norm(v) for w, v in vectors.items()}
    cos[word] = 99
    ranked = sorted(cos, key=cos.get, reverse=True)[:count]
    ranked.remove(word)
    return ranked

## 05-nearest | farthest first
def nearest(vectors, word, count):
    words = [w for w in vectors if w != word]
    a = np.array(vectors[word])
    cos = [a @ np.array(vectors[w]) / np.linalg.norm(a) / np.linalg.norm(vectors[w]) for w in words]
    return [words[i] for i in np.argsort(cos)[:count]]

## 05-nearest | distance between the tips
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    distance = {}
    for w, v in vectors.items():
        if w != word:
            distance[w] = ((a - np.array(v)) ** 2).sum()
    return sorted(distance, key=lambda w: distance[w])[:count]

## 05-nearest | without the sign
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    out = []
    for w, v in vectors.items():
        b = np.array(v)
        if w != word:
            out.append((abs(a @ b) / np.sqrt((a @ a) * (b @ b)), w))
    return [w for c, w in sorted(out, reverse=True)[:count]]

## 05-nearest | without the sign
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    scores = {}
    for w, v in vectors.items():
        if w == word:
            continue
        b = np.array(v)
        scores[w] = (a @ b) ** 2 / ((a @ a) * (b @ b))
    return sorted(scores, key=scores.get, reverse=True)[:count]

## 05-nearest | squared lengths
def nearest(vectors, word, count):
    a = vectors[word]
    cos = {}
    for w, b in vectors.items():
        if w == word:
            continue
        top = sum(x * y for x, y in zip(a, b))
        cos[w] = top / (sum(x * x for x in a) * sum(y * y for y in b))
    return sorted(cos, key=cos.get, reverse=True)[:count]

## 05-nearest | adds the lengths
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    cos = {}
    for w in vectors:
        if w != word:
            b = np.array(vectors[w])
            cos[w] = a.dot(b) / (np.linalg.norm(a) + np.linalg.norm(b))
    return sorted(cos, key=cos.get, reverse=True)[:count]

## 05-nearest | drops words with the same vector
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    pairs = []
    for w, v in vectors.items():
        b = np.array(v)
        if np.array_equal(a, b):
            continue  # the word itself
        pairs.append((float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), w))
    pairs.sort(reverse=True)
    return [w for _, w in pairs[:count]]

## 05-nearest | drops words with the same vector
def nearest(vectors, word, count):
    words = list(vectors)
    E = np.array([vectors[w] for w in words])
    E = E / np.linalg.norm(E, axis=1, keepdims=True)
    cos = E @ E[words.index(word)]
    order = np.argsort(-cos)
    return [words[i] for i in order if cos[i] < 1 - 1e-9][:count]

## 05-nearest | gives pairs
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    pairs = []
    for w, v in vectors.items():
        if w != word:
            pairs.append((w, float(a @ np.array(v) / np.linalg.norm(a) / np.linalg.norm(v))))
    return sorted(pairs, key=lambda p: p[1], reverse=True)[:count]

## 05-nearest | gives one word
def nearest(vectors, word, count):
    best, best_cos = None, -2
    a = np.array(vectors[word])
    for w, v in vectors.items():
        c = a @ np.array(v) / np.linalg.norm(a) / np.linalg.norm(v)
        if w != word and c > best_cos:
            best, best_cos = w, c
    return best

## 05-nearest | in the order of the table
def nearest(vectors, word, count):
    a = np.array(vectors[word])
    cos = {w: a @ np.array(v) / np.linalg.norm(a) / np.linalg.norm(v) for w, v in vectors.items()}
    del cos[word]
    limit = sorted(cos.values())[-count:][0]
    return [w for w in vectors if w in cos and cos[w] >= limit]
"""

CHAPTER_06 = r"""
## 06-rnn-forward | h not carried
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h_new = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        outputs.append(h_new @ W_o + b_o)
    return np.stack(outputs, 1), h_new

## 06-rnn-forward | h not carried
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    B, T, D = x.shape
    H = np.zeros((B, T, h.shape[1]))
    for t in range(T):
        H[:, t, :] = np.tanh(np.dot(x[:, t, :], W_x) + np.dot(h, W_h) + b)
    return np.dot(H, W_o) + b_o, H[:, -1, :]

## 06-rnn-forward | h not carried
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    # all steps at once
    states = np.tanh(x @ W_x + (h @ W_h)[:, None, :] + b)
    return states @ W_o + b_o, states[:, x.shape[1] - 1]

## 06-rnn-forward | the given state comes back
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    state = h
    for t in range(x.shape[1]):
        state = np.tanh(x[:, t] @ W_x + state @ W_h + b)
        outputs.append(state @ W_o + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | begins from zeros
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    h = np.zeros((x.shape[0], W_h.shape[0]))
    y = np.empty((x.shape[0], x.shape[1], W_o.shape[1]))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        y[:, t] = h @ W_o + b_o
    return y, h

## 06-rnn-forward | begins from zeros
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    logits = []
    for t in range(x.shape[1]):
        a = x[:, t] @ W_x + b
        if t > 0:
            a = a + h @ W_h
        h = np.tanh(a)
        logits.append(h @ W_o + b_o)
    return np.array(logits).transpose(1, 0, 2), h

## 06-rnn-forward | no tanh
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = x[:, t].dot(W_x) + h.dot(W_h) + b
        outputs.append(h.dot(W_o) + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | tanh of the input alone
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        new = np.tanh(x[:, t] @ W_x + b)
        h = new + h @ W_h
        outputs.append(h @ W_o + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | carries what stands before the tanh
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = x[:, t] @ W_x + h @ W_h + b
        outputs.append(np.tanh(h) @ W_o + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | sigmoid
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = sigmoid(np.matmul(x[:, t], W_x) + np.matmul(h, W_h) + b)
        outputs.append(np.matmul(h, W_o) + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | no b
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h)
        outputs.append(h @ W_o + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | no b_o
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    states = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        states.append(h)
    return np.stack(states, axis=1) @ W_o, h

## 06-rnn-forward | W_h transposed
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh((W_x.T @ x[:, t].T).T + (W_h @ h.T).T + b)
        outputs.append(h @ W_o + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | probabilities come back
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        o = h @ W_o + b_o
        o = np.exp(o - o.max(axis=1, keepdims=True))
        outputs.append(o / o.sum(axis=1, keepdims=True))
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | the last output alone
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
    return h @ W_o + b_o, h

## 06-rnn-forward | states come back as outputs
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    states = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        states.append(h)
    return np.stack(states, axis=1), h

## 06-rnn-forward | predicts before it reads
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        outputs.append(h @ W_o + b_o)
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | right to left
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = [None] * x.shape[1]
    for t in reversed(range(x.shape[1])):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        outputs[t] = h @ W_o + b_o
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | adds to the old state
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    h = np.array(h)
    outputs = []
    for t in range(x.shape[1]):
        h += np.tanh(x[:, t] @ W_x + h @ W_h + b)
        outputs.append(h @ W_o + b_o)
    return np.stack(outputs, axis=1), h

## 06-rnn-forward | sentence runs into sentence
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    B, T, _ = x.shape
    outputs = np.zeros((B, T, len(b_o)))
    last = np.zeros_like(h)
    state = h[0]
    for i in range(B):
        for t in range(T):
            state = np.tanh(x[i, t] @ W_x + state @ W_h + b)
            outputs[i, t] = state @ W_o + b_o
        last[i] = state
    return outputs, last

## 06-rnn-forward | time before batch
def rnn_forward(x, h, W_x, W_h, b, W_o, b_o):
    outputs = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        outputs.append(h @ W_o + b_o)
    return np.array(outputs), h

## 06-shift-labels | label = input
def shift_labels(sentences):
    longest = max([len(s) + 1 for s in sentences], default=0)
    inputs, labels = [], []
    for s in sentences:
        row = [1] + s
        gap = longest - len(row)
        inputs.append(row + [1] * gap)
        labels.append(row + [-1] * gap)
    return inputs, labels

## 06-shift-labels | label = input, filling and all
def shift_labels(sentences):
    longest = max([len(s) + 1 for s in sentences], default=0)
    inputs = [[1] + s + [1] * (longest - len(s) - 1) for s in sentences]
    labels = [list(row) for row in inputs]
    return inputs, labels

## 06-shift-labels | label = input, no marks
def shift_labels(sentences):
    longest = max(map(len, sentences), default=0)
    inputs = [s + [1] * (longest - len(s)) for s in sentences]
    labels = [s + [-1] * (longest - len(s)) for s in sentences]
    return inputs, labels

## 06-shift-labels | shifted backwards
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=-1) + 1
    inputs, labels = [], []
    for s in sentences:
        empty = T - len(s) - 1
        inputs.append([*s, 2, *[1] * empty])
        labels.append([1, *s, *[-1] * empty])
    return inputs, labels

## 06-shift-labels | no <bos>
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=0)
    inputs = np.ones((len(sentences), T), int)
    labels = -np.ones((len(sentences), T), int)
    for i, s in enumerate(sentences):
        n = len(s)
        inputs[i, :n] = s
        if n:
            labels[i, :n] = s[1:] + [2]
    return inputs.tolist(), labels.tolist()

## 06-shift-labels | no <eos>
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=0)
    inputs, labels = [], []
    for s in sentences:
        shifted = ([1] + s)[:-1]
        inputs.append(shifted + [1] * (T - len(s)))
        labels.append(s + [-1] * (T - len(s)))
    return inputs, labels

## 06-shift-labels | no marks
def shift_labels(sentences):
    inputs, labels = [], []
    for s in sentences:
        inputs.append(s[:-1])
        labels.append(s[1:])
    T = max([len(r) for r in inputs] or [0])
    inputs = [r + [1] * (T - len(r)) for r in inputs]
    labels = [r + [-1] * (T - len(r)) for r in labels]
    return inputs, labels

## 06-shift-labels | rolled round
def shift_labels(sentences):
    T = max((len(s) + 1 for s in sentences), default=0)
    inputs, labels = [], []
    for s in sentences:
        row = np.array([1] + s)
        rolled = np.roll(row, -1)
        gap = T - len(row)
        inputs.append(row.tolist() + [1] * gap)
        labels.append(rolled.tolist() + [-1] * gap)
    return inputs, labels

## 06-shift-labels | reads the end
def shift_labels(sentences):
    rows = [[1] + s + [2] for s in sentences]
    T = max((len(r) for r in rows), default=0)
    inputs = [r + [1] * (T - len(r)) for r in rows]
    labels = [r[1:] + [-1] * (T - len(r) + 1) for r in rows]
    return inputs, labels

## 06-shift-labels | shifted by two
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=-1) + 1
    inputs, labels = [], []
    for s in sentences:
        inputs.append(([1] + s + [1] * T)[:T])
        after = (s + [2])[1:]
        labels.append((after + [-1] * T)[:T])
    return inputs, labels

## 06-shift-labels | labels filled with 0
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=-1) + 1
    inputs = np.ones((len(sentences), T), dtype=int)
    labels = np.zeros((len(sentences), T), dtype=int)
    for row, s in enumerate(sentences):
        inputs[row, 1:len(s) + 1] = s
        labels[row, :len(s)] = s
        labels[row, len(s)] = 2
    return inputs.tolist(), labels.tolist()

## 06-shift-labels | labels filled with <eos>
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=-1) + 1
    inputs, labels = [], []
    for s in sentences:
        inputs.append([1] + s + [1] * (T - 1 - len(s)))
        labels.append(s + [2] * (T - len(s)))
    return inputs, labels

## 06-shift-labels | inputs filled with -1
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=-1) + 1
    def pad(row):
        return row + [-1] * (T - len(row))
    return [pad([1] + s) for s in sentences], [pad(s + [2]) for s in sentences]

## 06-shift-labels | filled on the left
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=-1) + 1
    inputs, labels = [], []
    for s in sentences:
        gap = T - 1 - len(s)
        inputs.append([1] * gap + [1] + s)
        labels.append([-1] * gap + s + [2])
    return inputs, labels

## 06-shift-labels | rows of different lengths
def shift_labels(sentences):
    inputs, labels = [], []
    for s in sentences:
        inputs.append([1] + s)
        labels.append(s + [2])
    return inputs, labels

## 06-shift-labels | cut to the shortest
def shift_labels(sentences):
    rows = [[1] + s + [2] for s in sentences]
    both = [(r[:-1], r[1:]) for r in rows]
    T = min([len(a) for a, _ in both], default=0)
    return [a[:T] for a, _ in both], [c[:T] for _, c in both]

## 06-shift-labels | <eos> behind the filling
def shift_labels(sentences):
    T = max((len(s) for s in sentences), default=0)
    inputs, labels = [], []
    for s in sentences:
        fill = T - len(s)
        inputs.append([1] + s + [1] * fill)
        labels.append(s + [-1] * fill + [2])
    return inputs, labels

## 06-shift-labels | one row for all
def shift_labels(sentences):
    text = []
    for s in sentences:
        text.extend(s)
        text.append(2)
    if not text:
        return [], []
    return [[1] + text[:-1]], [text]

## 06-rnn-params | times T
def rnn_params(vocabulary, embedding, hidden, steps):
    total = vocabulary * embedding
    for t in range(steps):
        total += embedding * hidden + hidden * hidden + hidden
    total += hidden * vocabulary + vocabulary
    return total

## 06-rnn-params | times T
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H, T = vocabulary, embedding, hidden, steps
    cell = D * H + H ** 2 + H
    return V * D + T * cell + V * (H + 1)

## 06-rnn-params | everything times T
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H, T = vocabulary, embedding, hidden, steps
    return (V * D + D * H + H * H + H + H * V + V) * T

## 06-rnn-params | cell and output times T
def rnn_params(vocabulary, embedding, hidden, steps):
    E = vocabulary * embedding
    one_step = embedding * hidden + hidden * hidden + hidden + hidden * vocabulary + vocabulary
    return E + one_step * steps

## 06-rnn-params | states counted
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H = vocabulary, embedding, hidden
    states = H * steps
    return V * D + D * H + H * H + H + H * V + V + states

## 06-rnn-params | first state counted
def rnn_params(vocabulary, embedding, hidden, steps):
    W_x, W_h, b, h_0 = embedding * hidden, hidden * hidden, hidden, hidden
    W_o, b_o = hidden * vocabulary, vocabulary
    return vocabulary * embedding + W_x + W_h + b + h_0 + W_o + b_o

## 06-rnn-params | first state counted
def rnn_params(vocabulary, embedding, hidden, steps):
    # a bias with each matrix
    parts = [vocabulary * embedding]
    parts.append(embedding * hidden + hidden)
    parts.append(hidden * hidden + hidden)
    parts.append(hidden * vocabulary + vocabulary)
    return sum(parts)

## 06-rnn-params | a window of T tokens
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H, T = vocabulary, embedding, hidden, steps
    return V * D + (T * D) * H + H * H + H + H * V + V

## 06-rnn-params | two matrices alone
def rnn_params(vocabulary, embedding, hidden, steps):
    W_e = np.zeros((embedding, hidden))
    W_h = np.zeros((hidden, hidden))
    return W_e.size + W_h.size

## 06-rnn-params | no embeddings
def rnn_params(vocabulary, embedding, hidden, steps):
    n = embedding * hidden  # W_x
    n += hidden * hidden  # W_h
    n += hidden  # b
    n += hidden * vocabulary  # W_o
    n += vocabulary  # b_o
    return n

## 06-rnn-params | one-hot inputs
def rnn_params(vocabulary, embedding, hidden, steps):
    return (vocabulary * hidden + hidden * hidden + hidden) + (hidden * vocabulary + vocabulary)

## 06-rnn-params | no output layer
def rnn_params(vocabulary, embedding, hidden, steps):
    return vocabulary * embedding + hidden * (embedding + hidden + 1)

## 06-rnn-params | no biases
def rnn_params(vocabulary, embedding, hidden, steps):
    shapes = [(vocabulary, embedding), (embedding, hidden), (hidden, hidden), (hidden, vocabulary)]
    return sum(rows * columns for rows, columns in shapes)

## 06-rnn-params | no b_o
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H = vocabulary, embedding, hidden
    return V * D + (D + H + 1) * H + H * V

## 06-rnn-params | no b
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H = vocabulary, embedding, hidden
    return V * D + (D + H) * H + (H + 1) * V

## 06-rnn-params | no W_h
def rnn_params(vocabulary, embedding, hidden, steps):
    embeddings = vocabulary * embedding
    hidden_layer = embedding * hidden + hidden
    output_layer = hidden * vocabulary + vocabulary
    return embeddings + hidden_layer + output_layer

## 06-rnn-params | W_h like W_x
def rnn_params(vocabulary, embedding, hidden, steps):
    W_x = W_h = embedding * hidden
    return vocabulary * embedding + W_x + W_h + hidden + hidden * vocabulary + vocabulary

## 06-rnn-params | V without <bos>
def rnn_params(vocabulary, embedding, hidden, steps):
    V, D, H = vocabulary - 1, embedding, hidden
    return V * D + D * H + H * H + H + H * V + V
"""

CHAPTER_07 = r"""
## 07-bptt-dwh | last step only
def bptt_dWh(h, W_h, dh):
    da = dh[-1] * (1 - h[-1] ** 2)
    return np.outer(h[-2], da)

## 07-bptt-dwh | last step only
def bptt_dWh(h, W_h, dh):
    T, H = dh.shape
    grad = np.zeros((H, H))
    delta = dh[T - 1] * (1.0 - h[T] * h[T])
    for i in range(H):
        for j in range(H):
            grad[i, j] = h[T - 1, i] * delta[j]
    return grad

## 07-bptt-dwh | overwrites: first step only
def bptt_dWh(h, W_h, dh):
    right = 0
    for t in reversed(range(len(dh))):
        da = (dh[t] + right) * (1 - h[t + 1] ** 2)
        grad = h[t][:, None] * da[None, :]
        right = W_h @ da
    return grad

## 07-bptt-dwh | overwrites: first step only
def bptt_dWh(h, W_h, dh):
    dW = np.zeros(W_h.shape)
    nxt = np.zeros(W_h.shape[0])
    t = dh.shape[0]
    while t > 0:
        delta = np.multiply(dh[t - 1] + nxt, 1 - np.square(h[t]))
        dW[:, :] = np.outer(h[t - 1], delta)
        nxt = np.dot(delta, W_h.T)
        t -= 1
    return dW

## 07-bptt-dwh | nothing from the right
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    for t in range(len(dh)):
        dW += np.outer(h[t], dh[t] * (1 - h[t + 1] ** 2))
    return dW

## 07-bptt-dwh | nothing from the right
def bptt_dWh(h, W_h, dh):
    return np.einsum("ti,tj->ij", h[:-1], dh * (1 - h[1:] ** 2))

## 07-bptt-dwh | the last loss only
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    g = dh[-1]
    for t in range(len(dh), 0, -1):
        da = g * (1 - h[t] ** 2)
        dW += np.outer(h[t - 1], da)
        g = W_h @ da
    return dW

## 07-bptt-dwh | W_h not transposed on the way back
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * (1 - h[t] ** 2)
        dW += np.outer(h[t - 1], da)
        right = da @ W_h
    return dW

## 07-bptt-dwh | W_h not transposed on the way back
def bptt_dWh(h, W_h, dh):
    # columns, as in the notes
    grads, back = [], 0.0
    for t in range(dh.shape[0] - 1, -1, -1):
        delta = (dh[t] + back) * (1 - h[t + 1] ** 2)
        grads.append(np.outer(h[t], delta))
        back = W_h.T @ delta
    return sum(grads)

## 07-bptt-dwh | the result transposed
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * (1 - h[t] ** 2)
        dW += np.outer(da, h[t - 1])
        right = da @ W_h.T
    return dW

## 07-bptt-dwh | no derivative of tanh
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    g = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        g = g + dh[t - 1]
        dW += np.outer(h[t - 1], g)
        g = g @ W_h.T
    return dW

## 07-bptt-dwh | the derivative as if h were the input
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * (1 - np.tanh(h[t]) ** 2)
        dW += np.outer(h[t - 1], da)
        right = da @ W_h.T
    return dW

## 07-bptt-dwh | the derivative as if h were the input
def bptt_dWh(h, W_h, dh):
    def dtanh(x):
        return 1 / np.cosh(x) ** 2

    dW, right = 0, 0
    for t in range(len(dh) - 1, -1, -1):
        da = (dh[t] + right) * dtanh(h[t + 1])
        dW = dW + np.outer(h[t], da)
        right = W_h.dot(da)
    return dW

## 07-bptt-dwh | the derivative at the state before
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh) - 1, -1, -1):
        da = (dh[t] + right) * (1 - h[t] ** 2)
        dW += np.outer(h[t], da)
        right = da @ W_h.T
    return dW

## 07-bptt-dwh | the derivative of the sigmoid
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * h[t] * (1 - h[t])
        dW += np.outer(h[t - 1], da)
        right = da @ W_h.T
    return dW

## 07-bptt-dwh | passed on without the derivative
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    grad = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        grad = grad @ W_h.T + dh[t - 1]
        dW += np.outer(h[t - 1], grad * (1 - h[t] ** 2))
    return dW

## 07-bptt-dwh | h_t in place of the state before
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * (1 - h[t] ** 2)
        dW += np.outer(h[t], da)
        right = da @ W_h.T
    return dW

## 07-bptt-dwh | h_t in place of the state before
def bptt_dWh(h, W_h, dh):
    h = h[1:]
    dW = np.zeros_like(W_h)
    delta = np.zeros(W_h.shape[0])
    for t in range(len(h))[::-1]:
        delta = (dh[t] + W_h @ delta) * (1 - h[t] ** 2)
        dW += h[t].reshape(-1, 1) @ delta.reshape(1, -1)
    return dW

## 07-bptt-dwh | h_0 taken for zeros
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 1, -1):
        da = (dh[t - 1] + right) * (1 - h[t] ** 2)
        dW += np.outer(h[t - 1], da)
        right = da @ W_h.T
    return dW

## 07-bptt-dwh | the mean over the steps
def bptt_dWh(h, W_h, dh):
    parts = []
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * (1 - h[t] ** 2)
        parts.append(np.outer(h[t - 1], da))
        right = da @ W_h.T
    return np.mean(parts, axis=0)

## 07-bptt-dwh | forwards in time
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    back = np.zeros(len(W_h))
    for t in range(len(dh)):
        da = (dh[t] + back) * (1 - h[t + 1] ** 2)
        dW += np.outer(h[t], da)
        back = da @ W_h.T
    return dW

## 07-bptt-dwh | what comes from the right piles up
def bptt_dWh(h, W_h, dh):
    dW = np.zeros_like(W_h)
    right = np.zeros(len(W_h))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + right) * (1 - h[t] ** 2)
        dW += np.outer(h[t - 1], da)
        right += da @ W_h.T
    return dW

## 07-stream-perplexity | batches unweighted
def stream_perplexity(batches):
    losses = [loss for loss, targets in batches if not math.isnan(loss)]
    return math.exp(np.mean(losses))

## 07-stream-perplexity | batches unweighted
def stream_perplexity(batches):
    total, n = 0.0, 0
    for loss, targets in batches:
        if (targets != -1).any():
            total += loss
            n += 1
    return np.exp(total / n)

## 07-stream-perplexity | mean of the batches' perplexities
def stream_perplexity(batches):
    return np.nanmean([np.exp(loss) for loss, _ in batches])

## 07-stream-perplexity | mean of the batches' perplexities
def stream_perplexity(batches):
    perplexities = []
    for loss, targets in batches:
        if np.all(targets < 0):
            continue
        perplexities.append(math.exp(loss))
    return sum(perplexities) / len(perplexities)

## 07-stream-perplexity | weighted mean of exps
def stream_perplexity(batches):
    total, tokens = 0.0, 0
    for loss, targets in batches:
        n = np.count_nonzero(targets >= 0)
        if n:
            total += n * np.exp(loss)
            tokens += n
    return total / tokens

## 07-stream-perplexity | padding counted
def stream_perplexity(batches):
    total, tokens = 0.0, 0
    for loss, targets in batches:
        if not np.isnan(loss):
            total += loss * targets.size
            tokens += targets.size
    return math.exp(total / tokens)

## 07-stream-perplexity | padding counted
def stream_perplexity(batches):
    pairs = [(loss, t.shape[0] * t.shape[1]) for loss, t in batches if loss == loss]
    losses, sizes = zip(*pairs)
    return float(np.exp(np.average(losses, weights=sizes)))

## 07-stream-perplexity | rows counted, not tokens
def stream_perplexity(batches):
    total, tokens = 0.0, 0
    for loss, targets in batches:
        if not np.isnan(loss):
            total += loss * len(targets)
            tokens += len(targets)
    return math.exp(total / tokens)

## 07-stream-perplexity | steps counted, not tokens
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        if not math.isnan(loss):
            T = targets.shape[1]
            s += loss * T
            n += T
    return math.exp(s / n)

## 07-stream-perplexity | token 0 not counted
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets > 0).sum())
        if count:
            s += loss * count
            n += count
    return math.exp(s / n)

## 07-stream-perplexity | no exponential
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets >= 0).sum())
        if count:
            s += loss * count
            n += count
    return s / n

## 07-stream-perplexity | 2 to the power of nats
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets >= 0).sum())
        if count:
            s += loss * count
            n += count
    return 2 ** (s / n)

## 07-stream-perplexity | the sign
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets >= 0).sum())
        if count:
            s += loss * count
            n += count
    return math.exp(-s / n)

## 07-stream-perplexity | nan spreads
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets >= 0).sum())
        s += loss * count
        n += count
    return math.exp(s / n)

## 07-stream-perplexity | nan spreads
def stream_perplexity(batches):
    counts = np.array([np.sum(t != -1) for _, t in batches])
    losses = np.array([loss for loss, _ in batches])
    return np.exp((losses * counts).sum() / counts.sum())

## 07-stream-perplexity | sums means
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets >= 0).sum())
        if count:
            s += loss
            n += count
    return math.exp(s / n)

## 07-stream-perplexity | the last batch alone
def stream_perplexity(batches):
    for loss, targets in batches:
        n = (targets >= 0).sum()
        total = loss * n
    return math.exp(total / n)

## 07-stream-perplexity | the first batch alone
def stream_perplexity(batches):
    s = n = 0
    for loss, targets in batches:
        count = int((targets >= 0).sum())
        s += loss * count
        n += count
        return np.exp(s / n)

## 07-sample-temperature | divides the probabilities
def sample_temperature(logprobs, temperature, draws):
    p = np.exp(logprobs) / temperature
    p = p / p.sum()
    cdf = np.cumsum(p)
    return [int(np.searchsorted(cdf, u, side="right")) for u in draws]

## 07-sample-temperature | divides the probabilities
def sample_temperature(logprobs, temperature, draws):
    # the temperature was forgotten
    tokens = []
    for u in draws:
        s = 0.0
        for i, lp in enumerate(logprobs):
            s += math.exp(lp)
            if s > u:
                tokens.append(i)
                break
    return tokens

## 07-sample-temperature | divides the probabilities, and leaves it there
def sample_temperature(logprobs, temperature, draws):
    p = [math.exp(lp) / temperature for lp in logprobs]
    tokens = []
    for u in draws:
        total = 0.0
        for token in range(len(p)):
            total += p[token]
            if u < total:
                break
        else:
            token = 0
        tokens.append(token)
    return tokens

## 07-sample-temperature | softmax of divided probabilities
def sample_temperature(logprobs, temperature, draws):
    z = np.exp(logprobs) / temperature
    e = np.exp(z - z.max())
    cdf = np.cumsum(e / e.sum())
    return [int(np.argmax(cdf > u)) for u in draws]

## 07-sample-temperature | not normalised
def sample_temperature(logprobs, temperature, draws):
    p = np.exp(np.asarray(logprobs) / temperature)
    cdf = p.cumsum()
    return [int(np.argmax(cdf > u)) for u in draws]

## 07-sample-temperature | multiplies
def sample_temperature(logprobs, temperature, draws):
    z = np.array(logprobs) * temperature
    z = np.exp(z - z.max())
    cdf = np.cumsum(z) / z.sum()
    return [int(np.argmax(cdf > u)) for u in draws]

## 07-sample-temperature | multiplies
def sample_temperature(logprobs, temperature, draws):
    p = [math.exp(lp) ** temperature for lp in logprobs]
    total = sum(p)
    p = [x / total for x in p]
    out = []
    for u in draws:
        acc, i = p[0], 0
        while acc <= u:
            i += 1
            acc += p[i]
        out.append(i)
    return out

## 07-sample-temperature | always the most probable
def sample_temperature(logprobs, temperature, draws):
    return [logprobs.index(max(logprobs)) for _ in draws]

## 07-sample-temperature | underflow
def sample_temperature(logprobs, temperature, draws):
    p = np.exp(logprobs) ** (1 / temperature)
    p = p / p.sum()
    c = np.cumsum(p)
    return [int((c > u).argmax()) for u in draws]

## 07-sample-temperature | underflow: division by zero
def sample_temperature(logprobs, temperature, draws):
    p = [math.exp(lp / temperature) for lp in logprobs]
    p = [x / sum(p) for x in p]
    out = []
    for u in draws:
        s = 0
        for i, x in enumerate(p):
            s += x
            if s > u:
                out.append(i)
                break
    return out

## 07-sample-temperature | draws what is impossible
def sample_temperature(logprobs, temperature, draws):
    z = np.array(logprobs) / temperature
    p = np.exp(z - z.max())
    return np.searchsorted(np.cumsum(p / p.sum()), draws).tolist()

## 07-sample-temperature | draws what is impossible
def sample_temperature(logprobs, temperature, draws):
    m = max(logprobs)
    p = [math.exp((lp - m) / temperature) for lp in logprobs]
    total, out = sum(p), []
    for u in draws:
        s = 0
        for i, x in enumerate(p):
            s += x / total
            if s >= u:
                out.append(i)
                break
    return out

## 07-sample-temperature | one number for all tokens
def sample_temperature(logprobs, temperature, draws):
    z = np.array(logprobs) / temperature
    p = np.exp(z - z.max())
    c = np.cumsum(p / p.sum())
    token = int((c > draws[0]).argmax())
    return [token for _ in draws]

## 07-sample-temperature | one token for all numbers
def sample_temperature(logprobs, temperature, draws):
    z = np.array(logprobs) / temperature
    p = np.exp(z - z.max())
    c = np.cumsum(p / p.sum())
    tokens = []
    for u in draws:
        tokens.append(int((c > u).argmax()))
        return tokens

## 07-sample-temperature | ranks, not tokens
def sample_temperature(logprobs, temperature, draws):
    z = np.array(sorted(logprobs, reverse=True)) / temperature
    p = np.exp(z - z.max())
    c = np.cumsum(p / p.sum())
    return [int((c > u).argmax()) for u in draws]

## 07-sample-temperature | counts from one
def sample_temperature(logprobs, temperature, draws):
    z = np.array(logprobs) / temperature
    p = np.exp(z - z.max())
    p /= p.sum()
    out = []
    for u in draws:
        i, s = 0, 0.0
        while s <= u:
            s += p[i]
            i += 1
        out.append(i)
    return out

## 07-sample-temperature | one token early
def sample_temperature(logprobs, temperature, draws):
    z = np.array(logprobs) / temperature
    p = np.exp(z - z.max())
    c = np.cumsum(p / p.sum())
    out = []
    for u in draws:
        before = 0
        for i in range(len(c)):
            if c[i] <= u:
                before = i
        out.append(before)
    return out
"""

CHAPTER_08 = r"""
## 08-clip-norm | array by array
def clip_norm(gradients, limit):
    clipped = {}
    for name, g in gradients.items():
        norm = np.linalg.norm(g)
        clipped[name] = g * limit / norm if norm > limit else g
    return clipped

## 08-clip-norm | array by array
def clip_norm(gradients, limit):
    return {k: g * min(1, limit / (np.sqrt(np.sum(g ** 2)) + 1e-300)) for k, g in gradients.items()}

## 08-clip-norm | lengthens short gradients
def clip_norm(gradients, limit):
    total = 0.0
    for g in gradients.values():
        total += np.sum(g * g)
    norm = math.sqrt(total)
    if norm == 0:
        return gradients
    return {name: g / norm * limit for name, g in gradients.items()}

## 08-clip-norm | forgets the root
def clip_norm(gradients, limit):
    norm = sum(np.sum(g ** 2) for g in gradients.values())
    if norm <= limit:
        return {name: g.copy() for name, g in gradients.items()}
    return {name: limit * g / norm for name, g in gradients.items()}

## 08-clip-norm | adds up the norms
def clip_norm(gradients, limit):
    norm = 0
    for name in gradients:
        norm += np.linalg.norm(gradients[name])
    factor = 1.0 if norm < limit else limit / norm
    return {name: factor * gradients[name] for name in gradients}

## 08-clip-norm | the largest number
def clip_norm(gradients, limit):
    biggest = max(np.abs(g).max() for g in gradients.values())
    if biggest > limit:
        return {name: g * limit / biggest for name, g in gradients.items()}
    return dict(gradients)

## 08-clip-norm | adds up the numbers
def clip_norm(gradients, limit):
    norm = sum(np.linalg.norm(g.flatten(), 1) for g in gradients.values())
    if norm > limit:
        return {name: g * (limit / norm) for name, g in gradients.items()}
    return gradients

## 08-clip-norm | the mean of the squares
def clip_norm(gradients, limit):
    everything = np.concatenate([np.ravel(g) for g in gradients.values()])
    norm = np.sqrt(np.mean(everything ** 2))
    return {k: v * limit / max(limit, norm) for k, v in gradients.items()}

## 08-clip-norm | to length 1
def clip_norm(gradients, limit):
    norm = math.sqrt(sum(float(np.sum(np.square(g))) for g in gradients.values()))
    if norm > limit:
        return {k: g / norm for k, g in gradients.items()}
    return {k: g for k, g in gradients.items()}

## 08-clip-norm | clips by value
def clip_norm(gradients, limit):
    out = {}
    for name, g in gradients.items():
        g = np.where(g > limit, limit, g)
        out[name] = np.where(g < -limit, -limit, g)
    return out

## 08-clip-norm | the fraction upside down
def clip_norm(gradients, limit):
    norm = np.linalg.norm(np.concatenate([g.reshape(-1) for g in gradients.values()]))
    if norm > limit:
        return {name: g * norm / limit for name, g in gradients.items()}
    return gradients

## 08-clip-norm | divides by zero
def clip_norm(gradients, limit):
    norm = math.sqrt(sum((g ** 2).sum() for g in gradients.values()))
    factor = limit / norm
    if factor > 1:
        factor = 1
    return {name: g * factor for name, g in gradients.items()}

## 08-clip-norm | changes what it was given
def clip_norm(gradients, limit):
    norm = np.sqrt(sum(np.sum(g ** 2) for g in gradients.values()))
    if norm > limit:
        for g in gradients.values():
            g *= limit / norm
    return gradients

## 08-clip-norm | changes what it was given
def clip_norm(gradients, limit):
    norm = np.sqrt(sum(np.sum(g ** 2) for g in gradients.values()))
    if norm > limit:
        for name in gradients:
            gradients[name] = gradients[name] * limit / norm
    return gradients

## 08-clip-norm | throws the gradient away
def clip_norm(gradients, limit):
    norm = np.sqrt(sum(np.sum(g ** 2) for g in gradients.values()))
    if norm > limit:
        return {name: np.zeros(g.shape) for name, g in gradients.items()}
    return gradients

## 08-clip-value | one-sided
def clip_value(gradients, limit):
    clipped = {}
    for name, g in gradients.items():
        g = g.copy()
        g[g > limit] = limit
        clipped[name] = g
    return clipped

## 08-clip-value | one-sided
def clip_value(gradients, limit):
    return {name: np.where(g > limit, limit, g) for name, g in gradients.items()}

## 08-clip-value | the other side alone
def clip_value(gradients, limit):
    return {name: np.where(g < -limit, -limit, g) for name, g in gradients.items()}

## 08-clip-value | loses every sign
def clip_value(gradients, limit):
    new = {}
    for name in gradients:
        size = np.abs(gradients[name])
        size[size > limit] = limit
        new[name] = size
    return new

## 08-clip-value | loses the sign of the large
def clip_value(gradients, limit):
    new = {name: np.array(g) for name, g in gradients.items()}
    for g in new.values():
        g[np.abs(g) > limit] = limit
    return new

## 08-clip-value | throws the large away
def clip_value(gradients, limit):
    return {name: g * ~(np.abs(g) > limit) for name, g in gradients.items()}

## 08-clip-value | throws the large away
def clip_value(gradients, limit):
    new = {}
    for name, g in gradients.items():
        new[name] = g.copy()
        new[name][abs(g) > limit] = 0
    return new

## 08-clip-value | nothing below zero
def clip_value(gradients, limit):
    return {name: g.clip(0, limit) for name, g in gradients.items()}

## 08-clip-value | the small ones too
def clip_value(gradients, limit):
    new = {}
    for k, g in gradients.items():
        new[k] = np.where(g > 0, limit, np.where(g < 0, -limit, g))
    return new

## 08-clip-value | by norm
def clip_value(gradients, limit):
    norm = np.sqrt(sum(np.sum(g ** 2) for g in gradients.values()))
    if norm > limit:
        return {name: g * limit / norm for name, g in gradients.items()}
    return gradients

## 08-clip-value | scales each array
def clip_value(gradients, limit):
    new = {}
    for name, g in gradients.items():
        top = np.max(np.abs(g))
        new[name] = g / top * limit if top > limit else g
    return new

## 08-clip-value | NaN becomes the limit
def clip_value(gradients, limit):
    new = {}
    for name, g in gradients.items():
        flat = [max(-limit, min(limit, x)) for x in g.ravel()]
        new[name] = np.array(flat).reshape(g.shape)
    return new

## 08-clip-value | NaN becomes 0
def clip_value(gradients, limit):
    return {name: np.clip(np.nan_to_num(g, posinf=limit, neginf=-limit), -limit, limit)
            for name, g in gradients.items()}

## 08-clip-value | always at 1
def clip_value(gradients, limit=1):
    return {name: np.clip(g, -1, 1) for name, g in gradients.items()}

## 08-clip-value | changes what it was given
def clip_value(gradients, limit):
    for name, g in gradients.items():
        g[g > limit] = limit
        g[g < -limit] = -limit
    return gradients

## 08-jacobian-product | omits the derivative of tanh
def jacobian_product(states, W_h):
    return np.linalg.matrix_power(W_h.T, len(states))

## 08-jacobian-product | omits the derivative of tanh
def jacobian_product(states, W_h):
    J = np.identity(W_h.shape[0])
    for t in range(states.shape[0]):
        J = J @ W_h.T
    return J

## 08-jacobian-product | the weights not transposed
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = np.diag(1 - h ** 2) @ W_h @ J
    return J

## 08-jacobian-product | the weights not transposed
def jacobian_product(states, W_h):
    J = np.eye(W_h.shape[0])
    for t in range(len(states)):
        J = (1 - states[t] ** 2)[:, None] * (W_h @ J)
    return J

## 08-jacobian-product | the steps in reverse
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = J @ (np.diag(1 - h ** 2) @ W_h.T)
    return J

## 08-jacobian-product | the steps in reverse
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for t in reversed(range(len(states))):
        J = np.diag(1 - states[t] * states[t]) @ (W_h.T @ J)
    return J

## 08-jacobian-product | the derivative on the wrong side
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = W_h.T * (1 - h ** 2) @ J
    return J

## 08-jacobian-product | transposed as a whole
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = J @ W_h @ np.diag(1 - h ** 2)
    return J

## 08-jacobian-product | tanh of the output
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        derivative = 1 - np.tanh(h) ** 2
        J = np.diag(derivative) @ W_h.T @ J
    return J

## 08-jacobian-product | tanh of the output
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = np.diag(1 / np.cosh(h) ** 2) @ W_h.T @ J
    return J

## 08-jacobian-product | forgets the square
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = np.diag(1 - h) @ W_h.T @ J
    return J

## 08-jacobian-product | the square alone
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for h in states:
        J = np.diag(h ** 2).dot(W_h.T).dot(J)
    return J

## 08-jacobian-product | adds the steps
def jacobian_product(states, W_h):
    J = np.zeros(W_h.shape)
    for h in states:
        J += np.diag(1 - h ** 2) @ W_h.T
    return J

## 08-jacobian-product | multiplies element by element
def jacobian_product(states, W_h):
    J = None
    for h in states:
        step = np.diag(1 - h ** 2) @ W_h.T
        J = step if J is None else J * step
    return np.eye(len(W_h)) if J is None else J

## 08-jacobian-product | a factor too few
def jacobian_product(states, W_h):
    J = np.eye(len(W_h))
    for t in range(1, len(states)):
        J = np.diag(1 - states[t] ** 2) @ W_h.T @ J
    return J

## 08-jacobian-product | a factor too many
def jacobian_product(states, W_h):
    J = W_h.T
    for h in states:
        J = np.diag(1 - h ** 2) @ W_h.T @ J
    return J

## 08-jacobian-product | the same state in each factor
def jacobian_product(states, W_h):
    if len(states) == 0:
        return np.eye(len(W_h))
    step = np.diag(1 - states[-1] ** 2) @ W_h.T
    return np.linalg.matrix_power(step, len(states))

## 08-jacobian-product | needs a step
def jacobian_product(states, W_h):
    J = np.diag(1 - states[0] ** 2) @ W_h.T
    for h in states[1:]:
        J = np.diag(1 - h ** 2) @ W_h.T @ J
    return J

## 08-jacobian-product | starts from zeros
def jacobian_product(states, W_h):
    J = np.zeros((len(W_h), len(W_h)))
    for h in states:
        J = np.diag(1 - h ** 2) @ W_h.T @ J
    return J
"""

CHAPTER_09 = r"""
## 09-gru-candidate | always before the matrix
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    s = x @ W_x + b + (r * h) @ W_h
    if b_h is not None:
        s = s + b_h
    return np.tanh(s)

## 09-gru-candidate | before the matrix, without b_h
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    hidden = np.multiply(r, h)
    return np.tanh(np.dot(x, W_x) + np.dot(hidden, W_h) + b)

## 09-gru-candidate | always after the matrix
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    if b_h is None:
        b_h = np.zeros(W_h.shape[1])
    return np.tanh(x @ W_x + b + r * (h @ W_h + b_h))

## 09-gru-candidate | the two places exchanged
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    if b_h is not None:
        past = (r * h) @ W_h + b_h
    else:
        past = r * (h @ W_h)
    return np.tanh(x @ W_x + past + b)

## 09-gru-candidate | b_h outside the gate
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    if b_h is None:
        return np.tanh(x @ W_x + (r * h) @ W_h + b)
    return np.tanh(x @ W_x + r * (h @ W_h) + b + b_h)

## 09-gru-candidate | hides the input too
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    total = x @ W_x + h @ W_h + b
    if b_h is not None:
        total += b_h
    return np.tanh(r * total)

## 09-gru-candidate | resets the candidate itself
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    extra = 0 if b_h is None else b_h
    return np.tanh(x @ W_x + h @ W_h + b + extra) * r

## 09-gru-candidate | no reset
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    out = []
    for row, past in zip(x, h):
        s = row @ W_x + past @ W_h + b
        if b_h is not None:
            s = s + b_h
        out.append(np.tanh(s))
    return np.array(out)

## 09-gru-candidate | 1 - r for r
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    forget = 1.0 - r
    if b_h is None:
        return np.tanh(x @ W_x + b + (h * forget) @ W_h)
    return np.tanh(x @ W_x + b + forget * (h @ W_h + b_h))

## 09-gru-candidate | a sigmoid for tanh
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    if b_h is None:
        s = x @ W_x + b + (r * h) @ W_h
    else:
        s = x @ W_x + b + r * (h @ W_h + b_h)
    return 1 / (1 + np.exp(-s))

## 09-gru-candidate | no tanh
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    now = x.dot(W_x) + b
    if b_h is None:
        return now + (r * h).dot(W_h)
    return now + r * (h.dot(W_h) + b_h)

## 09-gru-candidate | forgets b
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    if b_h is None:
        return np.tanh(x @ W_x + (r * h) @ W_h)
    return np.tanh(x @ W_x + r * (h @ W_h + b_h))

## 09-gru-candidate | the weights transposed
def gru_candidate(x, h, r, W_x, W_h, b, b_h):
    if b_h is None:
        past = (W_h @ (r * h).T).T
    else:
        past = r * ((W_h @ h.T).T + b_h)
    return np.tanh(x @ W_x + b + past)

## 09-gru-step | z for 1 - z
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = h.shape[1]
    s = lambda a: 1 / (1 + np.exp(-a))
    r = s(x @ W_x[:, :n] + h @ W_h[:, :n] + b[:n])
    z = s(x @ W_x[:, n:2*n] + h @ W_h[:, n:2*n] + b[n:2*n])
    if b_h is None:
        c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + (r * h) @ W_h[:, 2*n:])
    else:
        c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + r * (h @ W_h[:, 2*n:] + b_h))
    if update_keeps:
        h_new = (1 - z) * h + z * c
    else:
        h_new = z * h + (1 - z) * c
    return h_new

## 09-gru-step | always keeps
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    Wxr, Wxz, Wxh = np.split(W_x, 3, axis=1)
    Whr, Whz, Whh = np.split(W_h, 3, axis=1)
    br, bz, bh = np.split(b, 3)
    r = 1 / (1 + np.exp(-(x @ Wxr + h @ Whr + br)))
    z = 1 / (1 + np.exp(-(x @ Wxz + h @ Whz + bz)))
    past = r * (h @ Whh + b_h) if b_h is not None else (r * h) @ Whh
    c = np.tanh(x @ Wxh + past + bh)
    return z * h + (1 - z) * c

## 09-gru-step | always lets in
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    Wxr, Wxz, Wxh = np.split(W_x, 3, axis=1)
    Whr, Whz, Whh = np.split(W_h, 3, axis=1)
    br, bz, bh = np.split(b, 3)
    r = 1 / (1 + np.exp(-(x @ Wxr + h @ Whr + br)))
    z = 1 / (1 + np.exp(-(x @ Wxz + h @ Whz + bz)))
    past = r * (h @ Whh + b_h) if b_h is not None else (r * h) @ Whh
    c = np.tanh(x @ Wxh + past + bh)
    return h + z * (c - h)

## 09-gru-step | swapped gates
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    Wxz, Wxr, Wxh = np.split(W_x, 3, axis=1)
    Whz, Whr, Whh = np.split(W_h, 3, axis=1)
    bz, br, bh = np.split(b, 3)
    r = 1 / (1 + np.exp(-(x @ Wxr + h @ Whr + br)))
    z = 1 / (1 + np.exp(-(x @ Wxz + h @ Whz + bz)))
    past = r * (h @ Whh + b_h) if b_h is not None else (r * h) @ Whh
    c = np.tanh(x @ Wxh + past + bh)
    return z * h + (1 - z) * c if update_keeps else (1 - z) * h + z * c

## 09-gru-step | the candidate's block first
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    Wxh, Wxr, Wxz = np.split(W_x, 3, axis=1)
    Whh, Whr, Whz = np.split(W_h, 3, axis=1)
    bh, br, bz = np.split(b, 3)
    r = 1 / (1 + np.exp(-(x @ Wxr + h @ Whr + br)))
    z = 1 / (1 + np.exp(-(x @ Wxz + h @ Whz + bz)))
    past = r * (h @ Whh + b_h) if b_h is not None else (r * h) @ Whh
    c = np.tanh(x @ Wxh + past + bh)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | reset before, always
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    inner = x @ W_x[:, 2*n:] + (r * h) @ W_h[:, 2*n:] + b[2*n:]
    if b_h is not None:
        inner = inner + b_h
    c = np.tanh(inner)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | reset after, always
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    past = h @ W_h[:, 2*n:]
    if b_h is not None:
        past = past + b_h
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + r * past)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | b_h outside the gate
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    if b_h is None:
        past = (r * h) @ W_h[:, 2*n:]
    else:
        past = r * (h @ W_h[:, 2*n:]) + b_h
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | no reset
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    sums = x @ W_x + h @ W_h + b
    z = 1 / (1 + np.exp(-sums[:, n:2*n]))
    c = sums[:, 2*n:]
    if b_h is not None:
        c = c + b_h
    c = np.tanh(c)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | one gate for both
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    g = 1 / (1 + np.exp(-(x @ W_x[:, :n] + h @ W_h[:, :n] + b[:n])))
    past = (g * h) @ W_h[:, 2*n:] if b_h is None else g * (h @ W_h[:, 2*n:] + b_h)
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)
    keep = g if update_keeps else 1 - g
    return keep * h + (1 - keep) * c

## 09-gru-step | gates by tanh
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = np.tanh(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])
    r, z = both[:, :n], both[:, n:]
    past = (r * h) @ W_h[:, 2*n:] if b_h is None else r * (h @ W_h[:, 2*n:] + b_h)
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | gates that do not see the state
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    past = (r * h) @ W_h[:, 2*n:] if b_h is None else r * (h @ W_h[:, 2*n:] + b_h)
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | no tanh
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    past = (r * h) @ W_h[:, 2*n:] if b_h is None else r * (h @ W_h[:, 2*n:] + b_h)
    c = x @ W_x[:, 2*n:] + b[2*n:] + past
    keep = z if update_keeps else 1 - z
    return keep * h + (1 - keep) * c

## 09-gru-step | the candidate alone
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    r = 1 / (1 + np.exp(-(x @ W_x[:, :n] + h @ W_h[:, :n] + b[:n])))
    past = (r * h) @ W_h[:, 2*n:] if b_h is None else r * (h @ W_h[:, 2*n:] + b_h)
    return np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)

## 09-gru-step | adds without letting go
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    past = (r * h) @ W_h[:, 2*n:] if b_h is None else r * (h @ W_h[:, 2*n:] + b_h)
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)
    if update_keeps:
        z = 1 - z
    return h + z * c

## 09-gru-step | a second tanh
def gru_step(x, h, W_x, W_h, b, b_h, update_keeps):
    n = len(h[0])
    both = 1 / (1 + np.exp(-(x @ W_x[:, :2*n] + h @ W_h[:, :2*n] + b[:2*n])))
    r, z = both[:, :n], both[:, n:]
    past = (r * h) @ W_h[:, 2*n:] if b_h is None else r * (h @ W_h[:, 2*n:] + b_h)
    c = np.tanh(x @ W_x[:, 2*n:] + b[2*n:] + past)
    keep = z if update_keeps else 1 - z
    return np.tanh(keep * h + (1 - keep) * c)

## 09-gru-params | four blocks
def gru_params(input_size, hidden_size, reset_after):
    n = 4 * (input_size * hidden_size + hidden_size ** 2 + hidden_size)
    if reset_after:
        n += hidden_size
    return n

## 09-gru-params | two blocks
def gru_params(input_size, hidden_size, reset_after):
    r = input_size * hidden_size + hidden_size * hidden_size + hidden_size
    z = r
    return r + z + (hidden_size if reset_after else 0)

## 09-gru-params | one block
def gru_params(input_size, hidden_size, reset_after):
    W_x = np.zeros((input_size, hidden_size))
    W_h = np.zeros((hidden_size, hidden_size))
    b = np.zeros(hidden_size)
    return W_x.size + W_h.size + b.size + int(reset_after) * hidden_size

## 09-gru-params | forgets b_h
def gru_params(input_size, hidden_size, reset_after):
    return 3 * hidden_size * (input_size + hidden_size + 1)

## 09-gru-params | b_h in both places
def gru_params(input_size, hidden_size, reset_after):
    return 3 * hidden_size * (input_size + hidden_size + 1) + hidden_size

## 09-gru-params | b_h in the other place
def gru_params(input_size, hidden_size, reset_after):
    n = 3 * hidden_size * (input_size + hidden_size + 1)
    return n if reset_after else n + hidden_size

## 09-gru-params | b_h for all three blocks
def gru_params(input_size, hidden_size, reset_after):
    biases = 2 if reset_after else 1
    return 3 * hidden_size * (input_size + hidden_size + biases)

## 09-gru-params | two biases everywhere
def gru_params(input_size, hidden_size, reset_after):
    w_ih, w_hh = 3 * hidden_size * input_size, 3 * hidden_size * hidden_size
    b_ih = b_hh = 3 * hidden_size
    return w_ih + w_hh + b_ih + b_hh

## 09-gru-params | no biases
def gru_params(input_size, hidden_size, reset_after):
    return sum(input_size * hidden_size + hidden_size ** 2 for _ in ("r", "z", "h"))

## 09-gru-params | one bias for all sums
def gru_params(input_size, hidden_size, reset_after):
    n = input_size * 3 * hidden_size + hidden_size * 3 * hidden_size + hidden_size
    return n + hidden_size if reset_after else n

## 09-gru-params | one W_x for all
def gru_params(input_size, hidden_size, reset_after):
    n = input_size * hidden_size
    n += 3 * hidden_size * hidden_size + 3 * hidden_size
    return n + reset_after * hidden_size

## 09-gru-params | one W_h for all
def gru_params(input_size, hidden_size, reset_after):
    n = hidden_size * hidden_size
    n += 3 * input_size * hidden_size + 3 * hidden_size
    return n + reset_after * hidden_size

## 09-gru-params | gates as parameters
def gru_params(input_size, hidden_size, reset_after):
    cell = hidden_size * (input_size + hidden_size + 1)
    r, z = hidden_size, hidden_size
    return cell + r + z + (hidden_size if reset_after else 0)
"""


CHAPTER_10 = r"""
## 10-lstm-step | no tanh of c
def lstm_step(x, h, c, W_x, W_h, b):
    def sig(v):
        return 1 / (1 + np.exp(-v))
    H = h.shape[1]
    z = x @ W_x + h @ W_h + b
    i, f, o = sig(z[:, :H]), sig(z[:, H:2*H]), sig(z[:, 3*H:])
    g = np.tanh(z[:, 2*H:3*H])
    c_new = f * c + i * g
    return o * c_new, c_new

## 10-lstm-step | no tanh of c
def lstm_step(x, h, c, W_x, W_h, b):
    parts = np.split(x.dot(W_x) + h.dot(W_h) + b, 4, axis=-1)
    i, f, o = (1 / (1 + np.exp(-parts[k])) for k in (0, 1, 3))
    c = c * f + np.tanh(parts[2]) * i
    h = c * o
    return h, c

## 10-lstm-step | input and forget gate swapped
def lstm_step(x, h, c, W_x, W_h, b):
    z = x @ W_x + h @ W_h + b
    a1, a2, a3, a4 = np.split(z, 4, axis=1)
    f, i, o = [1 / (1 + np.exp(-a)) for a in (a1, a2, a4)]
    c = f * c + i * np.tanh(a3)
    return o * np.tanh(c), c

## 10-lstm-step | candidate and output gate swapped
def lstm_step(x, h, c, W_x, W_h, b):
    z = x @ W_x + h @ W_h + b
    H = z.shape[1] // 4
    s = 1 / (1 + np.exp(-z))
    i, f, o = s[:, :H], s[:, H:2 * H], s[:, 2 * H:3 * H]
    c = f * c + i * np.tanh(z[:, 3 * H:])
    return o * np.tanh(c), c

## 10-lstm-step | input and output gate swapped
def lstm_step(x, h, c, W_x, W_h, b):
    z = x @ W_x + h @ W_h + b
    H = len(W_h)
    s = lambda k: 1 / (1 + np.exp(-z[:, k * H:(k + 1) * H]))
    c = s(1) * c + s(3) * np.tanh(z[:, 2 * H:3 * H])
    return s(0) * np.tanh(c), c

## 10-lstm-step | the cell itself goes through tanh
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = np.tanh(sig(f) * c + sig(i) * np.tanh(g))
    h = sig(o) * c
    return h, c

## 10-lstm-step | shows the old cell
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    h_new = sig(o) * np.tanh(c)
    c_new = sig(f) * c + sig(i) * np.tanh(g)
    return h_new, c_new

## 10-lstm-step | a candidate between 0 and 1
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(1 / (1 + np.exp(-(x @ W_x + h @ W_h + b))), 4, axis=1)
    c = f * c + i * g
    return o * np.tanh(c), c

## 10-lstm-step | gates between -1 and 1
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(np.tanh(x @ W_x + h @ W_h + b), 4, axis=1)
    c = f * c + i * g
    return o * np.tanh(c), c

## 10-lstm-step | forgets nothing
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = c + sig(i) * np.tanh(g)
    return sig(o) * np.tanh(c), c

## 10-lstm-step | writes all of the candidate
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = sig(f) * c + np.tanh(g)
    return sig(o) * np.tanh(c), c

## 10-lstm-step | shows all of the cell
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = sig(f) * c + sig(i) * np.tanh(g)
    return np.tanh(c), c

## 10-lstm-step | writes what is forgotten
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    f = 1 / (1 + np.exp(-f))
    o = 1 / (1 + np.exp(-o))
    c = f * c + (1 - f) * np.tanh(g)
    return o * np.tanh(c), c

## 10-lstm-step | keeps the output in place of the cell
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = sig(f) * h + sig(i) * np.tanh(g)
    return sig(o) * np.tanh(c), c

## 10-lstm-step | gates that read the cell
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + c @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = sig(f) * c + sig(i) * np.tanh(g)
    return sig(o) * np.tanh(c), c

## 10-lstm-step | gives the two in the other order
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = sig(f) * c + sig(i) * np.tanh(g)
    return c, sig(o) * np.tanh(c)

## 10-lstm-step | no bias
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = sig(f) * c + sig(i) * np.tanh(g)
    return sig(o) * np.tanh(c), c

## 10-lstm-step | keeps what it should forget
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    sig = lambda v: 1 / (1 + np.exp(-v))
    c = (1 - sig(f)) * c + sig(i) * np.tanh(g)
    return sig(o) * np.tanh(c), c

## 10-retention | the mean in place of the product
def retention(kept):
    out = np.ones(kept.shape)
    for t in range(len(kept) - 1):
        out[t] = np.mean(kept[t + 1:], axis=0)
    return out

## 10-retention | the mean in place of the product
def retention(kept):
    T = len(kept)
    rows = []
    for t in range(T):
        after = kept[t + 1:]
        rows.append(sum(after) / len(after) if len(after) else np.ones(kept.shape[1]))
    return np.array(rows)

## 10-retention | adds the shares
def retention(kept):
    out = np.zeros(kept.shape)
    for t in range(len(kept)):
        for later in range(t + 1, len(kept)):
            out[t] += kept[later]
    return out

## 10-retention | a factor too many
def retention(kept):
    return np.array([np.prod(kept[t:], axis=0) for t in range(len(kept))])

## 10-retention | a factor too many
def retention(kept):
    out = kept.copy()
    for t in range(len(kept) - 2, -1, -1):
        out[t] *= out[t + 1]
    return out

## 10-retention | counts from the beginning
def retention(kept):
    return np.array([np.prod(kept[:t + 1], axis=0) for t in range(len(kept))])

## 10-retention | a power of the mean
def retention(kept):
    f = kept.mean(axis=0)
    T = len(kept)
    return np.array([f ** (T - 1 - t) for t in range(T)])

## 10-retention | the next step alone
def retention(kept):
    out = np.ones_like(kept)
    out[:-1] = kept[1:]
    return out

## 10-retention | the smallest share
def retention(kept):
    out = np.ones_like(kept)
    for t in range(len(kept) - 1):
        out[t] = kept[t + 1:].min(axis=0)
    return out

## 10-retention | the rows turned round
def retention(kept):
    rows = [np.ones(kept.shape[1])]
    for f in kept[:0:-1]:
        rows.append(rows[-1] * f)
    return np.array(rows)

## 10-retention | mixes the units
def retention(kept):
    out = np.ones_like(kept)
    for t in range(len(kept)):
        out[t] = np.prod(kept[t + 1:])
    return out

## 10-retention | multiplies what is forgotten
def retention(kept):
    out = np.ones_like(kept)
    for t in range(len(kept)):
        out[t] = np.prod(1 - kept[t + 1:], axis=0)
    return out

## 10-retention | what is left of the first
def retention(kept):
    out = np.ones_like(kept)
    for t in range(1, len(kept)):
        out[t] = out[t - 1] * kept[t]
    return out

## 10-forget-bias | no logit
def forget_bias(half_life):
    return 0.5 ** (1 / half_life)

## 10-forget-bias | no logit
def forget_bias(half_life):
    return math.exp(math.log(0.5) / half_life)

## 10-forget-bias | the logarithm of the share alone
def forget_bias(half_life):
    f = 0.5 ** (1 / half_life)
    return math.log(f)

## 10-forget-bias | the sigmoid once more
def forget_bias(half_life):
    f = 0.5 ** (1 / half_life)
    return 1 / (1 + math.exp(-f))

## 10-forget-bias | a third in place of a half
def forget_bias(half_life):
    f = np.exp(-1 / half_life)
    return np.log(f / (1 - f))

## 10-forget-bias | the wrong sign
def forget_bias(half_life):
    f = 0.5 ** (1 / half_life)
    return math.log((1 - f) / f)

## 10-forget-bias | an equal amount each step
def forget_bias(half_life):
    f = 1 - 1 / (2 * half_life)
    return math.log(f / (1 - f))

## 10-forget-bias | a power in place of a root
def forget_bias(half_life):
    f = 0.5 ** half_life
    return np.log(f) - np.log(1 - f)

## 10-forget-bias | to base 2
def forget_bias(half_life):
    f = 2 ** (-1 / half_life)
    return math.log2(f / (1 - f))

## 10-forget-bias | to base 10
def forget_bias(half_life):
    f = 2 ** (-1 / half_life)
    return math.log10(f / (1 - f))

## 10-forget-bias | a step too few
def forget_bias(half_life):
    f = 0.5 ** (1 / (half_life - 1))
    return math.log(f / (1 - f))

## 10-forget-bias | a step too many
def forget_bias(half_life):
    f = 0.5 ** (1 / (half_life + 1))
    return math.log(f / (1 - f))

## 10-forget-bias | odds, without the logarithm
def forget_bias(half_life):
    f = 0.5 ** (1 / half_life)
    return f / (1 - f)
"""


CHAPTER_11 = r"""
## 11-reverse-padded | moves the padding
def reverse_padded(tokens, lengths):
    return np.flip(tokens, axis=1)

## 11-reverse-padded | moves the padding
def reverse_padded(tokens, lengths):
    out = []
    for row in tokens:
        out.append(list(row)[::-1])
    return out

## 11-reverse-padded | turns the batch round
def reverse_padded(tokens, lengths):
    return np.array(list(reversed(tokens)))

## 11-reverse-padded | leaves everything as it is
def reverse_padded(tokens, lengths):
    out = tokens.copy()
    for row, n in zip(out, lengths):
        row = row[:n][::-1]
    return out

## 11-reverse-padded | by the longest row
def reverse_padded(tokens, lengths):
    n = max(lengths)
    out = np.array(tokens)
    out[:, :n] = out[:, :n][:, ::-1].copy()
    return out

## 11-reverse-padded | by the first row's length
def reverse_padded(tokens, lengths):
    n = lengths[0]
    return np.concatenate([tokens[:, :n][:, ::-1], tokens[:, n:]], axis=1)

## 11-reverse-padded | stops one short
def reverse_padded(tokens, lengths):
    out = tokens.copy()
    for b in range(len(out)):
        last = lengths[b] - 1
        if last > 0:
            out[b, :last] = tokens[b, :last][::-1]
    return out

## 11-reverse-padded | loses the first token
def reverse_padded(tokens, lengths):
    out = -np.ones_like(tokens)
    for b, n in enumerate(lengths):
        for t in range(n - 1):
            out[b, t] = tokens[b, n - 1 - t]
    return out

## 11-reverse-padded | writes zeros behind
def reverse_padded(tokens, lengths):
    out = np.zeros_like(tokens)
    for b, n in enumerate(lengths):
        out[b, :n] = tokens[b, :n][::-1]
    return out

## 11-reverse-padded | sorts
def reverse_padded(tokens, lengths):
    rows = []
    for row, n in zip(tokens.tolist(), lengths):
        rows.append(sorted(row[:n], reverse=True) + row[n:])
    return np.array(rows)

## 11-reverse-padded | exchanges first and last alone
def reverse_padded(tokens, lengths):
    out = tokens.tolist()
    for row, n in zip(out, lengths):
        if n > 1:
            first = row[0]
            row[0] = row[n - 1]
            row[n - 1] = first
    return out

## 11-reverse-padded | changes what it was given
def reverse_padded(tokens, lengths):
    for b, n in enumerate(lengths):
        tokens[b, :n] = tokens[b, :n][::-1].copy()
    return tokens

## 11-bi-concat | not turned back
def bi_concat(forwards, backwards, lengths):
    out = np.dstack([forwards, backwards])
    for b, n in enumerate(lengths):
        out[b, n:] = 0
    return out

## 11-bi-concat | turns the padding too
def bi_concat(forwards, backwards, lengths):
    out = np.concatenate([forwards, np.flip(backwards, 1)], axis=-1)
    for b, n in enumerate(lengths):
        out[b, n:] = 0.0
    return out

## 11-bi-concat | turns both
def bi_concat(forwards, backwards, lengths):
    B, T, H = forwards.shape
    out = np.zeros((B, T, 2 * H))
    for b in range(B):
        n = lengths[b]
        both = np.hstack([forwards[b, :n], backwards[b, :n]])
        out[b, :n] = both[::-1]
    return out

## 11-bi-concat | turns the wrong one
def bi_concat(forwards, backwards, lengths):
    B, T, H = forwards.shape
    out = np.zeros((B, T, 2 * H))
    for b in range(B):
        n = lengths[b]
        out[b, :n, :H] = forwards[b, :n][::-1]
        out[b, :n, H:] = backwards[b, :n]
    return out

## 11-bi-concat | backwards first
def bi_concat(forwards, backwards, lengths):
    B, T, H = forwards.shape
    out = np.zeros((B, T, 2 * H))
    for b in range(B):
        n = lengths[b]
        out[b, :n, :H] = backwards[b, :n][::-1]
        out[b, :n, H:] = forwards[b, :n]
    return out

## 11-bi-concat | adds the two
def bi_concat(forwards, backwards, lengths):
    out = np.zeros_like(forwards)
    for b, n in enumerate(lengths):
        out[b, :n] = forwards[b, :n] + backwards[b, :n][::-1]
    return out

## 11-bi-concat | one after the other
def bi_concat(forwards, backwards, lengths):
    B, T, H = forwards.shape
    out = np.zeros((B, 2 * T, H))
    for b, n in enumerate(lengths):
        out[b, :n] = forwards[b, :n]
        out[b, T : T + n] = backwards[b, :n][::-1]
    return out

## 11-bi-concat | leaves something beyond the end
def bi_concat(forwards, backwards, lengths):
    turned = backwards.copy()
    for b, n in enumerate(lengths):
        turned[b, :n] = backwards[b, :n][::-1]
    return np.concatenate([forwards, turned], axis=2)

## 11-bi-concat | turns the units round
def bi_concat(forwards, backwards, lengths):
    B, T, H = forwards.shape
    out = np.zeros((B, T, 2 * H))
    for b, n in enumerate(lengths):
        turned = backwards[b, :n][::-1, ::-1]
        out[b, :n] = np.concatenate([forwards[b, :n], turned], axis=1)
    return out

## 11-bi-concat | the last states alone
def bi_concat(forwards, backwards, lengths):
    rows = []
    for b, n in enumerate(lengths):
        rows.append(np.concatenate([forwards[b, max(n - 1, 0)], backwards[b, max(n - 1, 0)]]))
    return np.array(rows)

## 11-bi-concat | the states beside each token
def bi_concat(forwards, backwards, lengths):
    B, T, H = forwards.shape
    out = np.zeros((B, T, 2 * H))
    for b, n in enumerate(lengths):
        turned = backwards[b, :n][::-1]
        for t in range(n):
            if t > 0:
                out[b, t, :H] = forwards[b, t - 1]
            if t < n - 1:
                out[b, t, H:] = turned[t + 1]
    return out

## 11-dropout | no rescale
def dropout(x, draws, p, training):
    if not training:
        return np.array(x)
    return x * (draws >= p)

## 11-dropout | no rescale
def dropout(x, draws, p, training):
    out = x.copy()
    if training:
        out[draws < p] = 0
    return out

## 11-dropout | shrinks what stays
def dropout(x, draws, p, training):
    if training:
        return (draws >= p) * x * (1 - p)
    return 1 * x

## 11-dropout | rescales afterwards
def dropout(x, draws, p, training):
    if training:
        return x * (draws >= p)
    return x * (1 - p)

## 11-dropout | drops after training too
def dropout(x, draws, p, training):
    mask = (draws >= p).astype(float)
    return x * mask / (1 - p)

## 11-dropout | never drops
def dropout(x, draws, p, training):
    out = np.array(x)
    if training:
        out * (draws >= p) / (1 - p)
    return out

## 11-dropout | the flag the other way round
def dropout(x, draws, p, training):
    if training:
        return x.copy()
    return x * (draws >= p) / (1 - p)

## 11-dropout | p is what stays
def dropout(x, draws, p, training):
    if not training:
        return x.copy()
    keep = draws < p
    return keep * x / p if p > 0 else np.zeros_like(x)

## 11-dropout | drops the others
def dropout(x, draws, p, training):
    if training:
        return x * (draws < p) / (1 - p)
    return x.copy()

## 11-dropout | divides by p
def dropout(x, draws, p, training):
    if not training or p == 0:
        return x.copy()
    return x * (draws >= p) / p

## 11-dropout | divides by the share that stayed
def dropout(x, draws, p, training):
    if not training:
        return x.copy()
    keep = draws >= p
    if keep.sum() == 0:
        return 0 * x
    return x * keep * (keep.size / keep.sum())

## 11-dropout | scales in training and after
def dropout(x, draws, p, training):
    if training:
        return x * (draws >= p) / (1 - p)
    return (1 - p) * x

## 11-dropout | changes what it was given
def dropout(x, draws, p, training):
    if training:
        x *= (draws >= p) / (1 - p)
    return x
"""


CHAPTER_12 = r"""
## 12-bits-per-char | no ln 2: nats
def bits_per_char(logprobs, text):
    total = 0.0
    for line in logprobs:
        total -= sum(line)
    return total / len(text)

## 12-bits-per-char | multiplies by ln 2
def bits_per_char(logprobs, text):
    nats = -sum(map(sum, logprobs))
    return nats / len(text) * np.log(2)

## 12-bits-per-char | logarithms to base 10
def bits_per_char(logprobs, text):
    return sum(-p for line in logprobs for p in line) / math.log(10) / len(text)

## 12-bits-per-char | per token
def bits_per_char(logprobs, text):
    flat = np.concatenate([np.array(line) for line in logprobs])
    return float(-flat.mean() / math.log(2))

## 12-bits-per-char | newlines left out
def bits_per_char(logprobs, text):
    characters = sum(len(line) for line in text.split("\n"))
    return -sum(sum(line) for line in logprobs) / math.log(2) / characters

## 12-bits-per-char | stripped
def bits_per_char(logprobs, text):
    bits = [-p / math.log(2) for line in logprobs for p in line]
    return sum(bits) / len(text.rstrip("\n "))

## 12-bits-per-char | spaces and newlines left out
def bits_per_char(logprobs, text):
    letters = [c for c in text if not c.isspace()]
    return -sum(sum(line) for line in logprobs) / math.log(2) / len(letters)

## 12-bits-per-char | spaces left out
def bits_per_char(logprobs, text):
    n = 0
    for c in text:
        if c != " ":
            n += 1
    return sum(sum(line) for line in logprobs) / -math.log(2) / n

## 12-bits-per-char | per byte
def bits_per_char(logprobs, text):
    size = len(bytes(text, "utf-8"))
    return -sum(sum(line) for line in logprobs) / math.log(2) / size

## 12-bits-per-char | forgets the minus
def bits_per_char(logprobs, text):
    total = sum(sum(line) for line in logprobs)
    return total / math.log(2) / len(text)

## 12-bits-per-char | mean of the lines
def bits_per_char(logprobs, text):
    found = []
    for line, raw in zip(logprobs, text.split("\n")):
        found.append(-sum(line) / math.log(2) / (len(raw) + 1))
    return np.mean(found)

## 12-bits-per-char | the end left out
def bits_per_char(logprobs, text):
    nats = 0
    for line in logprobs:
        for i in range(len(line) - 1):
            nats -= line[i]
    return nats / math.log(2) / len(text)

## 12-bits-per-char | not divided
def bits_per_char(logprobs, text):
    return float(-sum(np.sum(line) for line in logprobs) / np.log(2))

## 12-bits-per-char | 2 to the power of it
def bits_per_char(logprobs, text):
    nats = -sum(sum(line) for line in logprobs)
    return math.exp(nats / len(text)) if nats < math.inf else math.inf

## 12-bits-per-char | distinct characters
def bits_per_char(logprobs, text):
    return -sum(sum(line) for line in logprobs) / math.log(2) / len(Counter(text))

## 12-pareto-front | keeps the dominated
def pareto_front(points):
    return sorted(range(len(points)), key=lambda i: points[i])

## 12-pareto-front | compares with the neighbour
def pareto_front(points):
    order = sorted(range(len(points)), key=lambda i: (points[i][0], points[i][1]))
    front = []
    last = None
    for i in order:
        p = points[i]
        if last is None or p[1] < last[1] or tuple(p) == tuple(last):
            front.append(i)
        last = p
    return front

## 12-pareto-front | strictly better in both
def pareto_front(points):
    front = []
    for i, (cost, loss) in enumerate(points):
        beaten = False
        for c, l in points:
            if c < cost and l < loss:
                beaten = True
        if not beaten:
            front.append(i)
    return sorted(front, key=lambda i: points[i])

## 12-pareto-front | drops equal points
def pareto_front(points):
    front = []
    for i, p in enumerate(points):
        others = points[:i] + points[i + 1:]
        if all(q[0] > p[0] or q[1] > p[1] for q in others):
            front.append(i)
    front.sort(key=lambda i: points[i][0])
    return front

## 12-pareto-front | keeps one of equals
def pareto_front(points):
    best = math.inf
    front = []
    for i in sorted(range(len(points)), key=lambda i: points[i]):
        if points[i][1] < best:
            front.append(i)
            best = points[i][1]
    return front

## 12-pareto-front | the points themselves
def pareto_front(points):
    kept = [p for p in points
            if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)]
    return sorted(kept)

## 12-pareto-front | places in the sorted list
def pareto_front(points):
    points = sorted(points)
    return [i for i, p in enumerate(points)
            if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)]

## 12-pareto-front | in the order given
def pareto_front(points):
    return [i for i, p in enumerate(points)
            if not any(q[0] <= p[0] and q[1] <= p[1] and tuple(q) != tuple(p) for q in points)]

## 12-pareto-front | the dearest first
def pareto_front(points):
    front = [i for i, p in enumerate(points)
             if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)]
    return sorted(front, key=lambda i: points[i][1])

## 12-pareto-front | the worst front
def pareto_front(points):
    front = [i for i, p in enumerate(points)
             if not any(q[0] >= p[0] and q[1] >= p[1] and q != p for q in points)]
    return sorted(front, key=lambda i: points[i][0])

## 12-pareto-front | a high loss is good
def pareto_front(points):
    front = [i for i, p in enumerate(points)
             if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in points)]
    return sorted(front, key=lambda i: points[i][0])

## 12-pareto-front | the best alone
def pareto_front(points):
    if not points:
        return []
    best = min(p[1] for p in points)
    return [i for i in range(len(points)) if points[i][1] == best]

## 12-pareto-front | one price for all
def pareto_front(points):
    if not points:
        return []
    price = [p[0] * p[1] for p in points]
    front = [i for i in range(len(points)) if price[i] == min(price)]
    return sorted(front, key=lambda i: points[i][0])

## 12-pareto-front | the two ends alone
def pareto_front(points):
    front = sorted([i for i, p in enumerate(points)
                    if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)],
                   key=lambda i: points[i][0])
    if len(front) < 2:
        return front
    low, high = points[front[0]], points[front[-1]]
    return [i for i in front if points[i] == low or points[i] == high]

## 12-pareto-front | the convex hull
def pareto_front(points):
    front = sorted([i for i, p in enumerate(points)
                    if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)],
                   key=lambda i: points[i][0])

    def above(i):
        x, y = points[i]
        for a in front:
            for b in front:
                (x0, y0), (x1, y1) = points[a], points[b]
                if x0 < x < x1 and y > y0 + (y1 - y0) * (x - x0) / (x1 - x0):
                    return True
        return False

    return [i for i in front if not above(i)]

## 12-paired-bootstrap | unpaired: other lines for the second
def paired_bootstrap(first, second, draws):
    wins = 0
    for r in range(len(draws)):
        a = sum(first[i] for i in draws[r])
        b = sum(second[i] for i in draws[r - 1])
        wins += 1 if a < b else 0.5 if a == b else 0
    return wins / len(draws)

## 12-paired-bootstrap | unpaired: every row with every row
def paired_bootstrap(first, second, draws):
    wins = []
    for one in draws:
        for other in draws:
            a, b = first[one].sum(), second[other].sum()
            wins.append(1 if a < b else 0.5 if a == b else 0)
    return np.mean(wins)

## 12-paired-bootstrap | draws for the first alone
def paired_bootstrap(first, second, draws):
    wins = 0
    goal = second.sum()
    for row in draws:
        a = first[row].sum()
        wins += 1 if a < goal else 0.5 if a == goal else 0
    return wins / len(draws)

## 12-paired-bootstrap | ties are lost
def paired_bootstrap(first, second, draws):
    wins = 0
    for row in draws:
        if sum(first[row]) < sum(second[row]):
            wins += 1
    return wins / len(draws)

## 12-paired-bootstrap | ties are won
def paired_bootstrap(first, second, draws):
    worse = [first[row].sum() > second[row].sum() for row in draws]
    return 1 - sum(worse) / len(worse)

## 12-paired-bootstrap | ties are left out
def paired_bootstrap(first, second, draws):
    wins = losses = 0
    for row in draws:
        a, b = first[row].sum(), second[row].sum()
        wins += a < b
        losses += a > b
    return wins / (wins + losses) if wins + losses else 0.5

## 12-paired-bootstrap | the larger total wins
def paired_bootstrap(first, second, draws):
    d = (first - second)[draws].sum(axis=1)
    return (d > 0).mean() + 0.5 * (d == 0).mean()

## 12-paired-bootstrap | line by line
def paired_bootstrap(first, second, draws):
    wins, n = 0.0, 0
    for row in draws:
        for i in row:
            wins += 1 if first[i] < second[i] else 0.5 if first[i] == second[i] else 0
            n += 1
    return wins / n

## 12-paired-bootstrap | most lines win
def paired_bootstrap(first, second, draws):
    wins = 0
    for row in draws:
        better = sum(first[i] < second[i] for i in row)
        worse = sum(first[i] > second[i] for i in row)
        wins += 1 if better > worse else 0.5 if better == worse else 0
    return wins / len(draws)

## 12-paired-bootstrap | no resampling
def paired_bootstrap(first, second, draws):
    a, b = first.sum(), second.sum()
    if a == b:
        return 0.5
    return 1.0 if a < b else 0.0

## 12-paired-bootstrap | each line once
def paired_bootstrap(first, second, draws):
    wins = 0
    for row in draws:
        lines = list(set(row.tolist()))
        a, b = first[lines].sum(), second[lines].sum()
        wins += 1 if a < b else 0.5 if a == b else 0
    return wins / len(draws)

## 12-paired-bootstrap | percent
def paired_bootstrap(first, second, draws):
    d = (first - second)[draws].sum(axis=1)
    return ((d < 0).mean() + 0.5 * (d == 0).mean()) * 100

## 12-paired-bootstrap | a count
def paired_bootstrap(first, second, draws):
    d = (first - second)[draws].sum(axis=1)
    return float((d < 0).sum() + 0.5 * (d == 0).sum())

## 12-paired-bootstrap | a p-value of two sides
def paired_bootstrap(first, second, draws):
    d = (first - second)[draws].sum(axis=1)
    share = (d < 0).mean() + 0.5 * (d == 0).mean()
    return 2 * min(share, 1 - share)

## 12-paired-bootstrap | the mean difference
def paired_bootstrap(first, second, draws):
    gains = [second[row].sum() - first[row].sum() for row in draws]
    return sum(gains) / len(gains)

## 12-paired-bootstrap | the other axis
def paired_bootstrap(first, second, draws):
    d = (first - second)[draws].sum(axis=0)
    return (d < 0).mean() + 0.5 * (d == 0).mean()
"""


def _cut(text: str) -> list[WrongAnswer]:
    answers = []
    for block in text.split("\n## ")[1:]:
        head, source = block.split("\n", 1)
        question, mistake = head.split(" | ")
        answers.append(WrongAnswer(question, mistake, source))
    return answers


WRONG_ANSWERS = [
    *_cut(CHAPTER_01),
    *_cut(CHAPTER_02),
    *_cut(CHAPTER_03),
    *_cut(CHAPTER_04),
    *_cut(CHAPTER_05),
    *_cut(CHAPTER_06),
    *_cut(CHAPTER_07),
    *_cut(CHAPTER_08),
    *_cut(CHAPTER_09),
    *_cut(CHAPTER_10),
    *_cut(CHAPTER_11),
    *_cut(CHAPTER_12),
]
