// The surprise of each character, in the browser: what `draw` of surprise.py does, letter for letter.
const say = data.words;
const CHINESE = /[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]/;

const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
  .replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#x27;");
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

// Each character of a sentence and its end, with ln P and the surprise in bits.
function letters(model, text) {
  const logprobs = model.score(text);
  return [...model.split(text), "<eos>"].map((character, t) => ({
    character,
    logprob: logprobs[t],
    bits: Math.abs(logprobs[t]) / Math.LN2,
    known: model.knows(character),
  }));
}

// Words, each with the spaces after it; in Chinese characters. The end is apart.
function pieces(language, scored) {
  const cut = [];
  let before = " ";
  for (const letter of scored.slice(0, -1)) {
    const begins = before === " " && letter.character !== " ";
    if (language === "zh" || begins || !cut.length) cut.push([letter]);
    else cut[cut.length - 1].push(letter);
    before = letter.character;
  }
  return [...cut, scored.slice(-1)];
}

// ---------------------------------------------------------------- the picture

function column(language, letter) {
  const bits = letter.bits.toFixed(1);
  const end = letter.character === "<eos>";
  const character = end ? say.end : letter.character === " " ? "␣" : letter.character;
  const lang = end ? "" : ` lang="${language}"`;
  return `<span class="${letter.known ? "letter" : "letter unknown"}">` +
    `<span${lang}>${escaped(character)}</span> ` +
    `<i style="--bits:${bits}"></i><small>${bits}</small></span> `;
}

function drawnPiece(language, piece) {
  const columns = piece.map((letter) => column(language, letter)).join("");
  const bits = total(piece.map((letter) => letter.bits));
  const sum = piece.length > 1 ? `<b>${bits.toFixed(1)}</b>` : "";
  return `<span class="piece" role="listitem"><span>${columns}</span>${sum}</span> `;
}

function draw(modelOf, sentences) {
  let picture = "";
  const readings = [];
  for (const text of sentences.filter(Boolean)) {
    const language = CHINESE.test(text) ? "zh" : "en";
    const scored = letters(modelOf(language), text);
    const items = pieces(language, scored).map((piece) => drawnPiece(language, piece)).join("");
    picture += `<div class="surprise ${language}" role="list" ` +
      `aria-label="${escaped(say.list)}">${items}</div>`;
    const logprob = total(scored.map((letter) => letter.logprob));
    readings.push(fill(say.reading, {
      text,
      logprob: logprob.toFixed(2),
      bits: (Math.abs(logprob) / Math.LN2).toFixed(2),
      tokens: scored.length,
      perplexity: Math.exp(-logprob / scored.length).toFixed(1),
    }));
    const unknown = scored.filter((letter) => !letter.known).length;
    if (unknown) readings.push(fill(say.unknown, { unknown }));
  }
  return { picture, reading: readings.join(" ") || say.nothing };
}

// ---------------------------------------------------------------- the figure

// Its own models, or those that another figure of the page carries.
function packedModels() {
  if (data.models) return data.models;
  const other = document.querySelector(`[data-interactive="${data.models_of}"]`);
  return JSON.parse(other.querySelector('[type="application/json"]').textContent).models;
}

function start() {
  const example = figure.querySelector("[name=example]");
  const fields = [...figure.querySelectorAll("[name=sentence]")];
  const frame = figure.querySelector(".frame");
  const reading = figure.querySelector(".reading");
  const models = {}; // unpacked when first needed
  const modelOf = (language) => models[language] ??= ngramModel(packedModels()[language]);

  function show() {
    const drawn = draw(modelOf, fields.map((field) => field.value));
    frame.innerHTML = drawn.picture;
    reading.textContent = drawn.reading;
  }

  example.addEventListener("input", () => {
    fields.forEach((field, i) => { field.value = data.examples[example.value]?.[i] ?? ""; });
    show();
  });
  fields.forEach((field) => {
    const typed = () => { example.value = ""; show(); };
    field.addEventListener("input", (event) => { if (!event.isComposing) typed(); });
    field.addEventListener("compositionend", typed);
  });
}

start();
