// The page to touch: draws V and w as coloured cells, and shows how the chosen entry of V finds its real weight.
import { SharingMap, defaultSize } from "./sharing_map.mjs";

const FIELDS = ["rows", "columns", "buckets", "seed"]; // and "size" for kinds with pieces
const LIMITS = { rows: 24, columns: 32, buckets: 768 };
const MATES_SHOWN = 24;

const form = document.querySelector("#hn-form");
const vGrid = document.querySelector("#hn-v");
const wGrid = document.querySelector("#hn-w");
const result = document.querySelector("#hn-result");
const message = document.querySelector("#hn-message");
const summary = document.querySelector("#hn-summary");
const unused = document.querySelector("#hn-unused");

let map = null;
let cells = []; // of V, row by row: {i, j, bucket, sign}
let chosen = { i: 3, j: 5 };

// Neighbouring buckets get colours far apart: the golden angle never comes near itself.
const colour = (bucket) => `oklch(78% 0.13 ${(bucket * 137.508) % 360})`;

function readForm() {
  const kind = form.elements.kind.value;
  const values = { kind };
  for (const name of kind in defaultSize ? [...FIELDS, "size"] : FIELDS) {
    const text = form.elements[name].value.trim();
    if (text === "") throw new RangeError(`${name} is empty, expected a whole number`);
    values[name] = Number(text);
  }
  for (const [name, most] of Object.entries(LIMITS)) {
    if (!(values[name] <= most)) throw new RangeError(`${name} is ${values[name]}; this page draws at most ${most}`);
  }
  return values;
}

function makeCell(text, label, bucket) {
  const cell = document.createElement("button");
  cell.type = "button";
  cell.className = "hn-cell";
  cell.textContent = text;
  cell.style.setProperty("--colour", colour(bucket));
  cell.dataset.bucket = bucket;
  cell.setAttribute("aria-label", label);
  cell.tabIndex = -1;
  return cell;
}

function redraw() {
  form.elements.size.disabled = !(form.elements.kind.value in defaultSize);
  try {
    map = new SharingMap(readForm());
  } catch (error) {
    message.textContent = error.message;
    return;
  }
  message.textContent = "";
  cells = map.table();
  chosen = { i: Math.min(chosen.i, map.rows - 1), j: Math.min(chosen.j, map.columns - 1) };
  vGrid.style.setProperty("--columns", map.columns);
  vGrid.replaceChildren(
    ...cells.map(({ i, j, bucket, sign }) => makeCell(signText(sign), `V[${i}, ${j}] = ${signText(sign)}w[${bucket}]`, bucket)),
  );
  wGrid.style.setProperty("--columns", Math.min(map.buckets, map.columns));
  wGrid.replaceChildren(...Array.from({ length: map.buckets }, (_, k) => makeCell(String(k), `w[${k}]`, k)));
  summarise();
  show();
}

function summarise() {
  const loads = new Array(map.buckets).fill(0);
  for (const { bucket } of cells) loads[bucket] += 1;
  const virtual = cells.length;
  const empty = loads.filter((load) => load === 0).length;
  const least = Math.min(...loads);
  const most = Math.max(...loads);
  const often = most === 1 && least === 1 ? "once" : least === most ? `${most} times` : `${least} to ${most} times`;
  summary.textContent =
    `${count(virtual, "virtual weight")}, ${count(map.buckets, "real weight")}: each real weight is used ${often}` +
    (empty ? `; ${empty} not at all.` : ".");
}

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const signText = (sign) => (sign > 0 ? "+" : "−");

function show() {
  unused.textContent = "";
  const { i, j } = chosen;
  const { bucket, sign, steps } = map.lookup(i, j);
  const mates = cells.filter((cell) => cell.bucket === bucket && (cell.i !== i || cell.j !== j));
  for (const cell of [...vGrid.children, ...wGrid.children]) {
    cell.classList.toggle("hn-mate", Number(cell.dataset.bucket) === bucket);
    cell.classList.remove("hn-chosen");
    cell.removeAttribute("aria-current");
    cell.tabIndex = -1;
  }
  for (const cell of [vGrid.children[i * map.columns + j], wGrid.children[bucket]]) {
    cell.classList.add("hn-chosen");
    cell.setAttribute("aria-current", "true");
    cell.tabIndex = 0; // the one of its grid that the Tab key comes to
  }
  const rows = [
    ...steps,
    ["so", `V[${i}, ${j}] = ${signText(sign)}w[${bucket}]`],
    ["mates", mates.length ? `${mates.length === 1 ? "1 other entry uses" : `${mates.length} other entries use`} w[${bucket}]: ${nameSome(mates)}` : `no other entry uses w[${bucket}]`],
  ];
  result.replaceChildren(...rows.flatMap(([term, words]) => [element("dt", term), element("dd", words)]));
}

function nameSome(mates) {
  const names = mates.slice(0, MATES_SHOWN).map(({ i, j }) => `V[${i}, ${j}]`);
  return names.join(", ") + (mates.length > MATES_SHOWN ? ` and ${mates.length - MATES_SHOWN} more` : "");
}

function element(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}

vGrid.addEventListener("click", (event) => {
  const index = [...vGrid.children].indexOf(event.target);
  if (index < 0) return;
  chosen = { i: cells[index].i, j: cells[index].j };
  show();
});

wGrid.addEventListener("click", (event) => {
  const index = [...wGrid.children].indexOf(event.target);
  const first = cells.find(({ bucket }) => bucket === index);
  if (!first) {
    unused.textContent = index < 0 ? "" : `No entry of V uses w[${index}].`;
    return;
  }
  chosen = { i: first.i, j: first.j };
  show();
});

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
vGrid.addEventListener("keydown", (event) => {
  if (!(event.key in STEPS)) return;
  event.preventDefault();
  const [down, right] = STEPS[event.key];
  const i = Math.min(Math.max(chosen.i + down, 0), map.rows - 1);
  const j = Math.min(Math.max(chosen.j + right, 0), map.columns - 1);
  chosen = { i, j };
  show();
  vGrid.children[i * map.columns + j].focus();
});

// In w the arrow keys only move: many real weights may be used by no entry. Enter chooses, as a click does.
wGrid.addEventListener("keydown", (event) => {
  if (!(event.key in STEPS)) return;
  event.preventDefault();
  const [down, right] = STEPS[event.key];
  const columns = Math.min(map.buckets, map.columns);
  const index = [...wGrid.children].indexOf(event.target) + down * columns + right;
  wGrid.children[index]?.focus();
});

form.addEventListener("input", (event) => {
  const kind = form.elements.kind.value;
  if (event.target.name === "kind" && kind in defaultSize) form.elements.size.value = 4;
  redraw();
});
form.addEventListener("submit", (event) => event.preventDefault());
redraw();
