// Shannon's game in the browser: what `play` and `draw` of guessing.py do, letter for letter.
const TOP = data.top;
const say = data.words;
const SHOWN = ""; // in place of a guess: the reader gave up

const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
  .replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#x27;");
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const visible = (character) => (character === " " ? "␣" : character);
const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

// ---------------------------------------------------------------- the game

function predictions(model, text) {
  const characters = model.split(text);
  return characters.map((character, t) => {
    const row = model.predict(["<bos>", ...characters.slice(0, t)]); // (V,)
    const numbers = [...row.keys()].slice(3).sort((a, b) => row[b] - row[a] || a - b);
    const probability = new Map(numbers.map((n) => [model.tokens[n], Math.exp(row[n])]));
    const ranked = [...probability.keys()];
    return { character, ranked, probability, rank: ranked.indexOf(character) + 1 };
  });
}

function play(predicted, guesses) {
  const standing = { guesses: [], shown: [], wrong: [] };
  for (const guess of guesses) {
    const right = predicted[standing.guesses.length].character;
    if (guess !== right && guess !== SHOWN) {
      standing.wrong.push(guess);
    } else {
      standing.guesses.push(standing.wrong.length + 1);
      standing.shown.push(guess === SHOWN);
      standing.wrong = [];
    }
  }
  return standing;
}

// Of some characters typed at once: those up to the first wrong one.
function taken(predicted, guesses, characters) {
  let place = play(predicted, guesses).guesses.length;
  const counted = [];
  for (const character of characters) {
    if (place === predicted.length) break;
    counted.push(character);
    if (character !== predicted[place].character && character !== SHOWN) break;
    place++;
  }
  return counted;
}

// ---------------------------------------------------------------- the picture

const column = (kind, top, you, model) =>
  `<span class="turn ${kind}">${top} ` +
  `<span>${escaped(you)}</span> <span>${escaped(model)}</span></span> `;

const row = (player, right, places, inAll) =>
  `<tr><th scope="row">${escaped(say[player])}</th>` +
  `<td>${escaped(fill(say.of, { right, places }))}</td><td>${inAll}</td></tr>`;

function draw(language, predicted, guesses) {
  const standing = play(predicted, guesses);
  const known = standing.guesses.length;
  const over = known === predicted.length;
  const past = predicted.slice(0, known);

  const set = (character) => `<b lang="${language}">${escaped(visible(character))}</b>`;
  let columns = column("heads", escaped(say.text), say.you, say.model);
  past.forEach((here, i) => {
    const you = standing.shown[i] ? "–" : standing.guesses[i];
    columns += column("known", set(here.character), you, here.rank);
  });
  if (!over) columns += column("next", set("?"), standing.wrong.length + 1, "?");
  let picture = `<div class="turns">${columns}</div>`;

  const heads = ["at_once", "in_all"].map((key) => `<th scope="col">${escaped(say[key])}</th>`);
  const atOnce = standing.guesses.filter((count, i) => count === 1 && !standing.shown[i]).length;
  const ranks = past.map((here) => here.rank);
  picture += `<table class="tally"><thead><tr><td></td>${heads.join("")}</tr></thead><tbody>` +
    row("you", atOnce, known, total(standing.guesses) + standing.wrong.length) +
    row("model", ranks.filter((rank) => rank === 1).length, known, total(ranks)) +
    "</tbody></table>";
  const wrong = fill(say.wrong, { guess: visible(guesses[guesses.length - 1] ?? "") });
  if (!known) return { picture, reading: guesses.length ? wrong : say.start };

  const last = past[known - 1];
  const top = last.ranked.slice(0, TOP).map((guess) => {
    const [open, close] = guess === last.character ? ["<b>", "</b>"] : ["", ""];
    const p = last.probability.get(guess).toFixed(3);
    return `<li>${open}${escaped(visible(guess))}${close} ${p}</li>`;
  });
  picture += `<p class="top">${escaped(say.top)}</p>` +
    `<ol class="top" lang="${language}">${top.join("")}</ol>`;
  if (standing.wrong.length) return { picture, reading: wrong };

  const bits = past.map((here) => -Math.log2(here.probability.get(here.character)));
  const first = standing.shown[known - 1] ? say.shown : say.right;
  const reading = fill(`${first} ${say.said}`, {
    character: visible(last.character),
    guesses: standing.guesses[known - 1],
    rank: last.rank,
    probability: last.probability.get(last.character).toFixed(4),
    bits: bits[known - 1].toFixed(2),
    mean: (total(bits) / known).toFixed(2),
  });
  return { picture, reading: over ? `${reading} ${say.end}` : reading };
}

// ---------------------------------------------------------------- the figure

function start() {
  const find = (selector) => figure.querySelector(selector);
  const [choice, field] = [find("[name=passage]"), find("[name=guess]")];
  const [frame, reading] = [find(".frame"), find(".reading")];
  const [details, suggestions] = [find("details"), find(".suggestions")];
  const models = {}; // unpacked when first needed: the start of the first sentence is drawn already
  let [passage, predicted, guesses] = [null, [], []];

  function begin() {
    passage = data.passages[choice.value];
    predicted = [];
    guesses = [];
    field.lang = suggestions.lang = passage.language;
  }

  function ready() {
    if (predicted.length) return;
    const { language, text } = passage;
    models[language] ??= ngramModel(data.models[language]);
    predicted = predictions(models[language], text);
  }

  function show(drawn) {
    frame.innerHTML = drawn.picture;
    reading.textContent = drawn.reading;
    if (details.open) suggest();
  }

  function redraw() {
    ready();
    show(draw(passage.language, predicted, guesses));
    field.readOnly = play(predicted, guesses).guesses.length === predicted.length;
  }

  function guess(characters) {
    ready();
    guesses.push(...taken(predicted, guesses, characters));
    redraw();
  }

  // Some likely characters as buttons, in an order that does not tell which is the likeliest.
  function suggest() {
    ready();
    const { guesses: counts, wrong } = play(predicted, guesses);
    const here = predicted[counts.length];
    const likely = (here?.ranked ?? []).filter((character) => !wrong.includes(character));
    const focused = suggestions.contains(document.activeElement);
    suggestions.replaceChildren(...likely.slice(0, data.suggested).sort().map((character) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: visible(character) });
      button.addEventListener("click", () => guess([character]));
      return button;
    }));
    if (focused) (suggestions.firstChild ?? field).focus();
  }

  function read() {
    ready();
    const typed = models[passage.language].split(field.value);
    field.value = "";
    if (typed.length) guess(typed);
  }

  choice.addEventListener("input", () => { begin(); redraw(); });
  field.addEventListener("focus", ready);
  field.addEventListener("input", (event) => { if (!event.isComposing) read(); });
  field.addEventListener("compositionend", read); // an input method has chosen its characters
  find("[name=show]").addEventListener("click", () => guess([SHOWN]));
  find("[name=again]").addEventListener("click", () => { begin(); redraw(); field.focus(); });
  details.addEventListener("toggle", () => { if (details.open) suggest(); });
  begin();
  show(data.start);
}

start();
