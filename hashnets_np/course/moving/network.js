// A network of hashed layers. The lines come in the order of the layers, and in each layer row by row.
moving("network", (picture, { inputs, weights, buckets, signs, colours }) => {
  const start = JSON.parse(JSON.stringify(weights));
  const wires = [];
  buckets.forEach((table, layer) => table.forEach((row, i) => row.forEach((k, j) => {
    wires.push({ layer, i, j, k, sign: signs[layer][i][j] });
  })));
  const lines = picture.all(".wire");
  const hits = picture.all(".hit");
  const values = picture.all(".value");
  const units = picture.all(".unit");
  let lit = null; // {layer, k}: the real weight whose places light up
  let touched = null; // the line that was touched, a number

  const valueOf = (wire) => weights[wire.layer][wire.k] * wire.sign;
  const name = (layer, k) => `w${layer + 1}[${k}]`;
  const place = (wire) => `V${wire.layer + 1}[${wire.i}, ${wire.j}]`;

  function forward() {
    const shown = [inputs];
    let a = inputs;
    buckets.forEach((table, layer) => {
      const z = table.map((row, i) => row.reduce((sum, k, j) => sum + weights[layer][k] * signs[layer][i][j] * a[j], 0));
      shown.push(z);
      a = z.map((value) => Math.max(value, 0));
    });
    return shown.flat();
  }

  function draw() {
    wires.forEach((wire, n) => {
      const value = valueOf(wire);
      const mate = lit !== null && wire.layer === lit.layer && wire.k === lit.k;
      lines[n].setAttribute("stroke-width", 1 + 2 * Math.abs(value));
      lines[n].setAttribute("stroke-dasharray", value < 0 ? "7 5" : "none");
      lines[n].setAttribute("opacity", lit === null || mate ? 1 : 0.12);
      lines[n].classList.toggle("lit", mate);
      values[n].textContent = number(value);
      values[n].setAttribute("display", mate ? "inline" : "none");
      values[n].setAttribute("font-size", n === touched ? 21 : 17);
    });
    forward().forEach((value, n) => { units[n].textContent = number(value); });
    picture.words.textContent = describe();
  }

  function describe() {
    if (lit === null) return "Touch a line, or drag a real weight.";
    const mates = wires.filter((wire) => wire.layer === lit.layer && wire.k === lit.k);
    const value = number(weights[lit.layer][lit.k]);
    if (touched === null) return `${name(lit.layer, lit.k)} = ${value} is used in ${mates.length} places: ${mates.map(place).join(", ")}.`;
    const wire = wires[touched];
    const others = mates.filter((mate) => mate !== wire).map(place);
    const sign = wire.sign < 0 ? "\u2212" : "";
    const mateWords = others.length ? `Its mates: ${others.join(", ")}.` : "It has no mates.";
    return `${place(wire)} = ${sign}${name(wire.layer, wire.k)} = ${number(valueOf(wire))}. ${mateWords}`;
  }

  function touch(n) {
    touched = n;
    lit = { layer: wires[n].layer, k: wires[n].k };
    draw();
  }

  function clear() {
    touched = null;
    lit = null;
    draw();
  }

  hits.forEach((hit, n) => {
    hit.style.cursor = "pointer";
    hit.addEventListener("click", (event) => { event.stopPropagation(); touch(n); });
  });
  picture.svg.addEventListener("click", clear);
  picture.svg.setAttribute("tabindex", "0");
  picture.svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") clear();
    if (!step) return;
    event.preventDefault();
    touch(touched === null ? 0 : (touched + step + wires.length) % wires.length);
  });

  const sliders = weights.map((list, layer) => list.map((value, k) => {
    const made = slider(picture, name(layer, k), { min: -4, max: 4, step: 0.1, value, colour: colours[layer][k] }, (to) => {
      weights[layer][k] = to;
      lit = { layer, k };
      touched = null;
      draw();
    });
    made.range.addEventListener("focus", () => {
      lit = { layer, k };
      touched = null;
      draw();
    });
    return made;
  }));
  button(picture, "Start over", () => {
    start.forEach((list, layer) => list.forEach((value, k) => {
      weights[layer][k] = value;
      sliders[layer][k].set(value);
    }));
    clear();
  });
  draw();
});
