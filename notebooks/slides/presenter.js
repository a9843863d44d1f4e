// The presenter: the arrow keys, a click or a swipe go on and back; S opens the notes, F fills the screen, Home starts over.
// What has data-step="3" appears at the third step of its slide; what has data-mark="3" is marked then.
// The clock starts with the first step forward, as if its slide's planned minutes had passed then; Home sets it back. The
// history keeps it, so that a page that is loaded again goes on.
const slides = [...document.querySelectorAll("section")];
const deck = document.querySelector(".deck");
const progress = document.querySelector(".progress");
let at = 0;
let step = 0;
let notes = null;
let started = history.state; // in milliseconds; null: not yet

const stepsOf = (slide) => Math.max(0, ...[...slide.querySelectorAll("[data-step], [data-mark]")]
  .map((part) => Number(part.dataset.step ?? part.dataset.mark)));

function show() {
  slides.forEach((slide, n) => slide.classList.toggle("shown", n === at));
  for (const part of slides[at].querySelectorAll("[data-step]")) part.classList.toggle("waiting", Number(part.dataset.step) > step);
  for (const part of slides[at].querySelectorAll("[data-mark]")) part.classList.toggle("marked", Number(part.dataset.mark) <= step);
  progress.style.width = `${(100 * (at + 1)) / slides.length}%`;
  history.replaceState(started, "", `#${at + 1}`);
  showNotes();
}

const plannedEnd = (n) => slides.slice(0, n + 1).reduce((sum, one) => sum + Number(one.dataset.minutes), 0);

function go(to, atStep = 0) {
  at = Math.min(Math.max(to, 0), slides.length - 1);
  step = atStep;
  show();
}

function startClock() {
  started ??= Date.now() - 60000 * plannedEnd(at);
}

function forward() {
  startClock();
  if (step < stepsOf(slides[at])) go(at, step + 1);
  else if (at < slides.length - 1) go(at + 1);
}

function back() {
  if (step > 0) go(at, step - 1);
  else if (at > 0) go(at - 1, stepsOf(slides[at - 1]));
}

function toTheEnd() {
  startClock();
  go(slides.length - 1);
}

function startOver() {
  started = null;
  go(0);
}

// The notes go into a window of this page's own, so that they work from a file, without a server.
function openNotes() {
  notes = window.open("", "notes", "width=900,height=700");
  if (!notes) return;
  notes.document.title = "Notes";
  notes.document.body.style.cssText = "font: 22px/1.4 sans-serif; margin: 24px; max-width: 45em";
  notes.document.addEventListener("keydown", onKey);
  showNotes();
}

function showNotes() {
  if (!notes || notes.closed) return;
  const slide = slides[at];
  const next = slides[at + 1] ? slides[at + 1].querySelector("h1").textContent : "the end";
  const passed = Math.floor((Date.now() - started) / 60000);
  const clock = started ? `${passed} minutes have passed` : "The clock starts with the first step forward";
  const lines = [
    ["b", `${at + 1} of ${slides.length}, step ${step} of ${stepsOf(slide)}: ${slide.querySelector("h1").textContent}`],
    ["div", slide.querySelector("aside").innerHTML],
    ["p", `Next: ${next}`],
    ["p", `${clock}; this slide should end at minute ${plannedEnd(at)}.`],
  ];
  notes.document.body.replaceChildren(...lines.map(([name, html]) => {
    const part = notes.document.createElement(name);
    part.innerHTML = html;
    return part;
  }));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const acts = {
    ArrowRight: forward, PageDown: forward, " ": forward, Enter: forward, ArrowDown: forward,
    ArrowLeft: back, PageUp: back, ArrowUp: back, Home: startOver, End: toTheEnd,
    s: openNotes, S: openNotes, f: fill, F: fill,
  };
  if (!(event.key in acts)) return;
  event.preventDefault();
  acts[event.key]();
}

function fill() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}

function fit() {
  const scale = Math.min(innerWidth / 1280, innerHeight / 720);
  deck.style.transform = `translate(${(innerWidth - 1280 * scale) / 2}px, ${(innerHeight - 720 * scale) / 2}px) scale(${scale})`;
}

let touchStart = 0;
document.addEventListener("touchstart", (event) => { touchStart = event.changedTouches[0].clientX; }, { passive: true });
document.addEventListener("touchend", (event) => {
  const moved = event.changedTouches[0].clientX - touchStart;
  if (Math.abs(moved) > 50) (moved < 0 ? forward : back)();
});
document.addEventListener("click", (event) => (event.clientX > innerWidth / 4 ? forward : back)());
document.addEventListener("keydown", onKey);
window.addEventListener("resize", fit);
window.addEventListener("hashchange", () => go(Number(location.hash.slice(1)) - 1 || 0));
document.documentElement.classList.add("presenting");
fit();
go(Number(location.hash.slice(1)) - 1 || 0);
setInterval(showNotes, 15000);
