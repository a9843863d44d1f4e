// Two threads add to one bucket. `order` holds the names of the threads whose steps have been done.
moving("race", (picture, { start, added, right, orders, good }) => {
  const names = ["A", "B"];
  const counters = picture.all(".counter");
  const ended = picture.all(".ended");
  const own = picture.all(".own");
  const [bucketWords] = picture.all(".bucket");
  const [memory] = picture.all(".memory");
  const tried = new Map(); // order -> sum
  let order = "";

  function run() {
    const state = { bucket: start, values: [null, null], done: [0, 0], story: [] };
    for (const name of order) {
      const t = names.indexOf(name);
      if (state.done[t] === 0) {
        state.values[t] = state.bucket;
        state.story.push(`${name} reads ${number(state.bucket)}`);
      } else if (state.done[t] === 1) {
        state.values[t] += added[t];
        state.story.push(`${name} adds ${number(added[t])}`);
      } else {
        state.bucket = state.values[t];
        state.story.push(`${name} writes ${number(state.bucket)}`);
      }
      state.done[t] += 1;
    }
    return state;
  }

  function draw() {
    const state = run();
    const over = order.length === 6;
    names.forEach((_, t) => {
      const [, x, y] = counters[t].getAttribute("transform").match(/translate\(([\d.]+) ([\d.]+)\)/);
      counters[t].setAttribute("transform", `translate(${x} ${66 + 34 * state.done[t]})`);
      ended[t].setAttribute("fill", state.done[t] === 3 ? "#111" : "#999");
      own[t].textContent = `value = ${state.values[t] === null ? "?" : number(state.values[t])}`;
      buttons[t].setAttribute("aria-disabled", state.done[t] === 3); // not `disabled`: that would lose the focus, and the keys
      buttons[t].style.opacity = state.done[t] === 3 ? 0.4 : 1;
    });
    bucketWords.textContent = `dw[k] = ${number(state.bucket)}`;
    if (over) tried.set(order, state.bucket);
    memory.setAttribute("fill-opacity", over && state.bucket !== right ? 0.5 : 0.15);
    picture.words.textContent = describe(state, over);
  }

  function describe(state, over) {
    if (order === "") return `dw[k] holds ${number(start)}. Whose step is first?` + score();
    const told = `${state.story.join(", ")}. `;
    if (!over) return told;
    if (state.bucket === right) return `${told}The sum is right, this time.${score()}`;
    return `${told}The sum is ${number(state.bucket)} and should be ${number(right)}: one addition is lost, and no error was raised.${score()}`;
  }

  function score() {
    if (tried.size === 0) return "";
    const found = [...tried.values()].filter((sum) => sum === right).length;
    return ` You have tried ${tried.size} of ${orders} orders; ${found} of the ${good} right ones found.`;
  }

  function step(t) {
    if (run().done[t] === 3) return;
    order += names[t];
    draw();
  }

  const buttons = names.map((name, t) => button(picture, `Step ${name}`, () => step(t)));
  button(picture, "Back", () => { order = order.slice(0, -1); draw(); });
  button(picture, "Start over", () => { order = ""; draw(); });
  picture.root.addEventListener("keydown", (event) => {
    const t = names.indexOf(event.key.toUpperCase());
    if (t < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // A and B are commands of JupyterLab
    step(t);
  });
  draw();
});
