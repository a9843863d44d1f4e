// A deck of two slides of 3 and 5 minutes, as far as presenter.js looks at one; test_lecture.py puts this before it.
let now = 0;
Date.now = () => now;
const nothing = () => {};
const slide = (minutes) => ({
  dataset: { minutes }, classList: { toggle: nothing }, querySelectorAll: () => [],
  querySelector: () => ({ textContent: "", innerHTML: "" }),
});
const page = { body: { style: {}, replaceChildren(...lines) { this.lines = lines.map((line) => line.innerHTML); } },
  addEventListener: nothing, createElement: () => ({}) };
globalThis.document = {
  querySelectorAll: () => [slide(3), slide(5)], querySelector: () => ({ style: {} }), addEventListener: nothing,
  documentElement: { classList: { add: nothing } },
};
globalThis.window = { addEventListener: nothing, open: () => ({ document: page }) };
globalThis.history = { state: null, replaceState(state) { this.state = state; } };
globalThis.location = { hash: "" };
globalThis.innerWidth = 1280;
globalThis.innerHeight = 720;
globalThis.setInterval = nothing;
