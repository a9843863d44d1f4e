// The scatter-add, one addition at a time: `done` counts the arrows that have fallen.
moving("scatter_add", (picture, { steps, buckets, zero, unit }) => {
  const arrows = picture.all(".arrow");
  const entries = picture.all(".entry");
  const mates = picture.all(".mate");
  const bars = picture.all(".bar");
  const sums = picture.all(".sum");
  const totals = picture.all(".total");
  let done = 0;

  const boxed = (cells, n) => cells.forEach((cell, m) => {
    cell.firstChild.setAttribute("stroke-width", m === n ? 4 : 1.5);
    cell.firstChild.setAttribute("fill-opacity", m < n ? 0.08 : m === n ? 0.5 : 0.25);
  });

  function draw() {
    const dw = new Array(buckets).fill(0);
    steps.slice(0, done).forEach((step) => { dw[step.k] = step.after; });
    arrows.forEach((arrow, n) => arrow.setAttribute("opacity", n < done ? 1 : 0));
    boxed(entries, done - 1);
    boxed(mates, done - 1);
    dw.forEach((total, k) => {
      const end = zero - total * unit;
      bars[k].setAttribute("y", Math.min(zero, end));
      bars[k].setAttribute("height", Math.abs(zero - end));
      sums[k].setAttribute("y1", end);
      sums[k].setAttribute("y2", end);
      totals[k].textContent = `dw[${k}] = ${number(total)}`;
    });
    position.set(done);
    picture.words.textContent = describe();
  }

  function describe() {
    if (done === 0) return `dw[bucket[i, j]] += a[j] * delta[i] * sign[i, j]: press Step for the first of ${steps.length} additions.`;
    const { i, j, k, a, delta, sign, value, after } = steps[done - 1];
    const factor = delta < 0 ? `(${number(delta)})` : number(delta);
    const inNumbers = `${number(a)} \u00b7 ${factor} \u00b7 (${signed(sign)}) = ${signed(value)}`;
    return `${done} of ${steps.length}: dw[${k}] += a[${j}] * delta[${i}] * sign[${i}, ${j}] = ${inNumbers}, so dw[${k}] = ${number(after)}.`;
  }

  // The new arrow starts at its entry of dV and falls to its place.
  function fall(n) {
    if (stillPlease() || !arrows[n].animate) return;
    const { x, y1, y2, from_x, from_y } = steps[n];
    const away = `translate(${from_x - x}px, ${from_y - (y1 + y2) / 2}px)`;
    arrows[n].animate([{ transform: away }, { transform: "none" }], { duration: 700, easing: "ease-in" });
  }

  function go(to, animated) {
    const next = Math.min(Math.max(to, 0), steps.length);
    const forward = next === done + 1;
    done = next;
    draw();
    if (forward && animated) fall(done - 1);
    return done < steps.length;
  }

  button(picture, "Step", () => go(done + 1, true));
  button(picture, "Back", () => go(done - 1, false));
  const play = playButton(picture, "Play", 1200, () => go(done + 1, true));
  button(picture, "Start over", () => { play.stop(); go(0, false); });
  const position = slider(picture, "additions", { min: 0, max: steps.length, step: 1, value: 0, colour: "#555" }, (to) => go(to, false));
  picture.svg.setAttribute("tabindex", "0");
  picture.svg.addEventListener("click", () => go(done + 1, true));
  picture.svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    go(done + step, true);
  });
  draw();
});
