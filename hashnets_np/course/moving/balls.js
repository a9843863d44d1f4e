// Balls into bins: `thrown` balls have fallen.
moving("balls", (picture, { order, buckets, floor, plotHeight, thrown: start }) => {
  const all = picture.all(".ball");
  const empties = picture.all(".empty");
  const columns = picture.all(".column");
  const points = picture.all(".point");
  const ticks = picture.all(".tick");
  const [curve] = picture.all(".curve");
  let thrown = start;

  // exp(-mean) mean^load / load! for load = 0, 1, 2, ...
  function poisson(mean) {
    let chance = Math.exp(-mean);
    return columns.map((_, load) => {
      if (load > 0) chance *= mean / load;
      return chance;
    });
  }

  function draw() {
    const loads = new Array(buckets).fill(0);
    order.slice(0, thrown).forEach((k) => { loads[k] += 1; });
    const counts = columns.map((_, load) => loads.filter((found) => found === load).length);
    const expected = poisson(thrown / buckets).map((chance) => buckets * chance);
    const highest = Math.max(...counts, ...expected);
    const top = [buckets / 3, buckets / 2].find((height) => highest <= height) || buckets;
    const unit = plotHeight / top;
    all.forEach((ball, n) => ball.setAttribute("display", n < thrown ? "inline" : "none"));
    loads.forEach((load, k) => empties[k].setAttribute("opacity", load ? 0 : 1));
    const middles = points.map((point) => Number(point.getAttribute("x")) + 5);
    counts.forEach((count, load) => {
      columns[load].setAttribute("y", floor - count * unit);
      columns[load].setAttribute("height", count * unit);
      points[load].setAttribute("y", floor - expected[load] * unit - 5);
    });
    curve.setAttribute("points", middles.map((x, load) => `${x},${floor - expected[load] * unit}`).join(" "));
    ticks.forEach((tick, n) => { tick.textContent = number((n * top) / 2); });
    position.set(thrown);
    const empty = counts[0];
    const percent = (share) => `${Math.round(100 * share)} %`;
    picture.words.textContent = `${thrown} balls, ${number(thrown / buckets)} for each bucket: ${empty} of ${buckets} are empty ` +
      `(${percent(empty / buckets)}; Poisson expects ${percent(expected[0] / buckets)}), the fullest holds ${Math.max(...loads)}.`;
  }

  function go(to) {
    thrown = Math.min(Math.max(to, 0), order.length);
    draw();
    return thrown < order.length;
  }

  button(picture, "Throw one", () => go(thrown + 1));
  button(picture, "Throw ten", () => go(thrown + 10));
  const play = playButton(picture, "Play", 150, () => go(thrown + 1));
  button(picture, "Start over", () => { play.stop(); go(0); });
  const position = slider(picture, "balls", { min: 0, max: order.length, step: 1, value: start, colour: "#0072B2" }, go);
  draw();
});
