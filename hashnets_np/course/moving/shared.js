// What all moving pictures share. A picture's own script follows and calls `moving(name, setUp)`.

// Set up every picture of this name that no earlier script has set up.
function moving(name, setUp) {
  for (const root of document.querySelectorAll(`[data-moving="${name}"]:not([data-ready])`)) {
    root.dataset.ready = "yes";
    setUp(openPicture(root), JSON.parse(root.dataset.numbers));
  }
}

// Take the drawing out of its <img>, and make room for buttons and sliders below it.
function openPicture(root) {
  const image = root.querySelector("img");
  const text = atob(image.src.split(",")[1]);
  const svg = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  svg.setAttribute("aria-label", image.alt);
  svg.setAttribute("role", "group");
  Object.assign(svg.style, { display: "block", width: "100%", height: "auto", touchAction: "manipulation" });
  image.replaceWith(svg);
  const controls = document.createElement("div");
  Object.assign(controls.style, { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center", margin: "6px 0" });
  svg.after(controls);
  const words = root.querySelector("[data-part=words]");
  words.setAttribute("aria-live", "polite");
  return { root, svg, controls, words, all: (selector) => [...svg.querySelectorAll(selector)] };
}

// A button that a finger can hit.
function button(picture, words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  Object.assign(made.style, {
    font: "inherit", minHeight: "44px", minWidth: "44px", padding: "4px 12px", color: "#111", background: "#eee",
    border: "1px solid #666", borderRadius: "6px", cursor: "pointer",
  });
  made.addEventListener("click", act);
  picture.controls.append(made);
  return made;
}

// A slider with its name before it and its value behind it. `act` gets the new value.
function slider(picture, words, { min, max, step, value, colour }, act) {
  const row = document.createElement("label");
  const range = document.createElement("input");
  const shown = document.createElement("span");
  Object.assign(row.style, { display: "flex", alignItems: "center", gap: "6px", minHeight: "44px", minWidth: "150px", flex: "1 1 30%" });
  Object.assign(range, { type: "range", min, max, step, value });
  Object.assign(range.style, { width: "60px", flex: "1 1 60px", minWidth: "0", height: "32px", accentColor: colour });
  Object.assign(shown.style, { minWidth: "2.6em", textAlign: "right" });
  const show = () => { shown.textContent = number(range.valueAsNumber); };
  range.addEventListener("input", () => { show(); act(range.valueAsNumber); });
  show();
  row.append(words, range, shown);
  picture.controls.append(row);
  return { range, set: (to) => { range.value = to; show(); } };
}

// Call `act` again and again until it returns false or the button is pressed again.
function playButton(picture, words, milliseconds, act) {
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; made.textContent = words; };
  const made = button(picture, words, () => {
    if (timer !== null) return stop();
    made.textContent = "Stop";
    timer = setInterval(() => { if (!picture.root.isConnected || !act()) stop(); }, milliseconds);
  });
  return { stop };
}

// Numbers as the lesson writes them: no rounding noise, a real minus sign.
function number(value) {
  return String(Math.round(value * 1e4) / 1e4 || 0).replace("-", "\u2212");
}

function signed(value) {
  return (value >= 0 ? "+" : "") + number(value);
}

const stillPlease = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

