// Logits, loss and gradient, in the browser: what `draw` of logits.py does, letter for letter.
const say = data.words;

const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
  .replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#x27;");
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

// Four digits, with a true minus; what rounds to nothing has no sign.
function written(value) {
  const text = Math.abs(value).toFixed(4);
  return value < 0 && Number(text) ? `−${text}` : text;
}

function cell(value, start, length) {
  const kind = start === 0 ? "span" : 'span class="middle"';
  const place = `--start:${start.toFixed(5)};--length:${length.toFixed(5)}`;
  return `<td><${kind}><i style="${place}"></i></span>${written(value)}</td>`;
}

// Two digits, and zeros after them where there are more.
function times(ratio) {
  if (ratio < 9.95) return ratio.toFixed(1);
  return Number(ratio.toExponential(1)).toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
}

const signed = (value) => cell(value, (1 + Math.min(value, 0)) / 2, Math.abs(value) / 2);

// ---------------------------------------------------------------- the two losses

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  return powers.map((power) => power / total(powers));
}

function losses(logits, target) {
  const p = softmax(logits);
  const largest = Math.max(...logits);
  const y = p.map((_, i) => Number(i === target));
  const error = p.map((probability, i) => probability - y[i]);
  const mean = total(p.map((probability, i) => probability * error[i]));
  return {
    p,
    crossEntropy: Math.log(total(logits.map((o) => Math.exp(o - largest)))) - (logits[target] - largest),
    squaredError: total(error.map((e) => e * e)) / 2,
    gradients: [error, p.map((probability, i) => probability * (error[i] - mean))],
  };
}

// ---------------------------------------------------------------- the picture

function draw(logits, target) {
  const { p, crossEntropy, squaredError, gradients } = losses(logits, target);
  const [long, short] = gradients.map((gradient) => Math.hypot(...gradient));
  const rows = say.names.map((name, i) => `<tr${i === target ? ' class="chosen"' : ""}>` +
    `<th scope="row">${escaped(name)}${i === target ? ` ${escaped(say.truth)}` : ""}</th>` +
    `${cell(p[i], 0, p[i])}${signed(gradients[0][i])}${signed(gradients[1][i])}</tr>`).join("");
  const heads = say.heads.map((head) => `<th scope="col">${escaped(head)}</th>`).join("");
  return {
    picture: `<table class="gradients"><thead><tr>${heads}</tr></thead>` +
      `<tbody>${rows}</tbody></table>`,
    reading: fill(say.reading, {
      word: say.short[target],
      p: written(p[target]),
      cross_entropy: crossEntropy.toFixed(3),
      squared_error: squaredError.toFixed(3),
      long: written(long),
      short: written(short),
      times: times(long / short),
    }),
  };
}

// ---------------------------------------------------------------- the figure

function start() {
  const target = figure.querySelector("[name=target]");
  const sliders = [...figure.querySelectorAll("[type=range]")];
  const frame = figure.querySelector(".frame");
  const reading = figure.querySelector(".reading");

  function show() {
    const drawn = draw(sliders.map((slider) => data.logits[slider.value]), Number(target.value));
    frame.innerHTML = drawn.picture;
    reading.textContent = drawn.reading;
    for (const slider of sliders) {
      const text = String(data.logits[slider.value]).replace("-", "−");
      slider.setAttribute("aria-valuetext", text);
      slider.parentElement.querySelector(".value").textContent = text;
    }
  }

  [target, ...sliders].forEach((control) => control.addEventListener("input", show));
}

start();
