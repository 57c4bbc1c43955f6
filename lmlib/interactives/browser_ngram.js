// An n-gram model over characters, read from what `pack` in browser_ngram.py wrote. It is the
// NgramLM of Python, number for number. With h the last n-1 tokens, h' all of h but its first,
//
//     P(w | h) = p(h w)  if h w is stored,  else  b(h) P(w | h')
//
// and b(h) is what makes the sum over all w one.
function ngramModel(packed) {
  const tokens = ["<unk>", "<bos>", "<eos>", ...packed.tokens]; // ... cuts at code points
  const index = new Map(tokens.map((token, number) => [token, number]));
  const digits = new Map([...packed.digits].map((digit, value) => [digit, value]));
  const values = packed.values.map((row) => row.map((value) => value ?? -Infinity));
  const nothing = new Map();

  // The tree of n-grams: each token, with its ln P here and what was seen after it.
  let place = 0;
  function readNumber(size) {
    let number = 0;
    for (let reach = 1; reach < size; reach *= digits.size) {
      number = number * digits.size + digits.get(packed.ngrams[place++]);
    }
    return number;
  }
  function readFollowers(order) {
    if (packed.ngrams[place] !== "{") return nothing;
    const seen = new Map();
    place++;
    while (packed.ngrams[place] !== "}") {
      const token = readNumber(tokens.length);
      const logprob = values[order][readNumber(values[order].length)];
      seen.set(token, { logprob, followers: readFollowers(order + 1) });
    }
    place++;
    return seen;
  }
  const root = readFollowers(0);

  const split = (text) => [...(packed.lower ? text.toLowerCase() : text)];
  // What is not known is read as <unk>.
  const numberOf = (token) => index.get(token) ?? 0;

  // The stored followers of a context of token numbers.
  function followersOf(context) {
    let seen = root;
    for (const token of context) seen = seen.get(token)?.followers ?? nothing;
    return seen;
  }

  // ln P of every token after those read (an array of strings, "<bos>" first).
  function predict(read) {
    const context = read.slice(Math.max(read.length - packed.order + 1, 0)).map(numberOf);
    const row = new Float64Array(tokens.length); // (V,)
    root.forEach(({ logprob }, token) => { row[token] = logprob; });
    for (let first = context.length - 1; first >= 0; first--) {
      const seen = followersOf(context.slice(first));
      let [kept, lower] = [0, 0]; // what the stored ones have here, and had one token shorter
      seen.forEach(({ logprob }, token) => {
        kept += Math.exp(logprob);
        lower += Math.exp(row[token]);
      });
      const weight = 1 - lower > 1e-12 ? Math.log(Math.max(1 - kept, 0) / (1 - lower)) : 0;
      for (let token = 0; token < row.length; token++) row[token] += weight;
      seen.forEach(({ logprob }, token) => { row[token] = logprob; });
    }
    return row;
  }

  // ln P of each character of a sentence, and of its end.
  function score(text) {
    const sentence = [...split(text), "<eos>"];
    return sentence.map((token, t) => predict(["<bos>", ...sentence.slice(0, t)])[numberOf(token)]);
  }

  return { tokens, knows: (token) => index.has(token), split, predict, score };
}
