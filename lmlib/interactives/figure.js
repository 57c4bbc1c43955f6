// Show the frame that the controls choose: pieces of HTML, put together from their numbers.
const controls = [...figure.querySelectorAll(".controls input, .controls select")];
const frame = figure.querySelector(".frame");
const reading = figure.querySelector(".reading");
const written = (numbers) => numbers.map((number) => data.pieces[number]).join("");

function show() {
  const place = controls.map((control) => control.value).join(",");
  const [picture, sentence] = data.frames[place];
  frame.style.minHeight = `${frame.offsetHeight}px`; // what stands below does not jump about
  frame.dataset.frame = place;
  frame.innerHTML = written(picture);
  reading.textContent = written(sentence);
  controls.forEach((control, i) => {
    if (control.type !== "range") return;
    const text = data.texts[i][control.value];
    control.setAttribute("aria-valuetext", text);
    control.parentElement.querySelector(".value").textContent = text;
  });
}

controls.forEach((control) => control.addEventListener("input", show));
addEventListener("resize", () => { frame.style.minHeight = ""; });
