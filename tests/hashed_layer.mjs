// A HashedNet layer in JavaScript, written from data/vectors/SPEC.md, that the kit asks by lines of JSON (section 11):
//
//     python -m hashnets_np check --command "node tests/hashed_layer.mjs"
//
// It needs nothing but node. It covers what a layer does; what it lacks (networks, losses, SGD, text keys) it says.

import { createInterface } from "node:readline";

class Refused extends Error {}
const demand = (condition, why) => { if (!condition) throw new Refused(why); };
const uint32 = (x) => { demand(Number.isInteger(x) && x >= 0 && x <= 0xffffffff, `${x} is not a uint32`); return x; };

// ---- sections 1 and 4: the hash, derived seeds

const rotl = (x, r) => (x << r) | (x >>> (32 - r));

function hash(i, j, seed) {
  let h = (seed + 374761393 + 8) | 0;
  for (const lane of [i, j]) h = Math.imul(rotl((h + Math.imul(lane, 3266489917)) | 0, 17), 668265263);
  h = Math.imul(h ^ (h >>> 15), 2246822519);
  h = Math.imul(h ^ (h >>> 13), 3266489917);
  return (h ^ (h >>> 16)) >>> 0;
}

const derive = (seed, n) => hash(uint32(seed), uint32(n), 0);

// ---- sections 2 and 8b: bucket and sign

function lookUp(m, i, j) {
  if (m.kind === "xxhash") return split(hash(i, j, m.seed), 0, m.buckets);
  if (m.kind === "fold") {
    const g = BigInt(i) * BigInt(m.n_cols) + BigInt(j), K = BigInt(m.buckets), q = g / K;
    const turn = hash(Number(q >> 32n), Number(q & 0xffffffffn), m.seed) >>> 1;
    return [(Number(g % K) + turn) % m.buckets, hash(i, j, m.seed) & 1 ? -1 : 1];
  }
  const height = m.kind === "tile" ? m.size : 1;
  const inside = (i % height) * m.size + (j % m.size);
  return split(hash(Math.floor(i / height), Math.floor(j / m.size), m.seed), inside, m.buckets);
}

const split = (x, inside, buckets) => [((x >>> 1) + inside) % buckets, x & 1 ? -1 : 1];

function checkMap(m) {
  demand(["xxhash", "fold", "chunk", "tile"].includes(m.kind), `no kind ${m.kind}`);
  demand(Number.isInteger(m.buckets) && m.buckets >= 1 && m.buckets < 2 ** 31, "K is out of range");
  uint32(m.seed);
  if (m.kind === "chunk" || m.kind === "tile") {
    m.size ??= m.kind === "chunk" ? 16 : 32;
    demand(m.size >= 1 && m.size <= 32768, "the size is out of range");
  }
}

// ---- section 3: the number of buckets

function bucketCounts({ compression, n_in, n_out, bias }) {
  const found = /^(?:(\d+)\/(\d+)|(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?)$/.exec(String(compression));
  demand(found && /^(\d+\/\d+|(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?)$/.test(String(compression)), "not a compression");
  let top, bottom;
  if (found[1] !== undefined) [top, bottom] = [BigInt(found[1]), BigInt(found[2])];
  else {
    const power = Number(found[5] ?? 0) - found[4].length;
    top = BigInt(found[3] + found[4]) * 10n ** BigInt(Math.max(power, 0));
    bottom = 10n ** BigInt(Math.max(-power, 0));
  }
  demand(bottom > 0n && top > 0n && top <= bottom, "a compression is in (0, 1]");
  const count = (n) => Math.max(1, Number((top * BigInt(n) + bottom - 1n) / bottom));
  return { buckets: count(n_out * (n_in + (bias === "column" ? 1 : 0))), bias_buckets: bias === "hashed" ? count(n_out) : 0 };
}

// ---- sections 5 and 6: the layer

function dense(x) {
  if (x === null || Array.isArray(x)) return x;
  if (x.shape.reduce((a, b) => a * b, 1) > 1e6) throw new Unsupported("arrays of more than a million entries");
  demand(x.shape.length === 1, "a sparse matrix");
  const out = new Array(x.shape[0]).fill(x.rest);
  for (const [n, value] of x.at) out[n] = value;
  return out;
}

class Unsupported extends Error {}

class Layer {
  constructor(x, w, b) {
    const column = x.bias === "column" ? 1 : 0;
    demand([null, "column", "hashed", "dense"].includes(x.bias), `no bias ${x.bias}`);
    demand(x.n_in >= 1 && x.n_out >= 1, "a layer has at least one input and one output");
    this.map = { kind: x.kind, buckets: x.buckets, seed: x.seed, n_out: x.n_out, n_cols: x.n_in + column, size: x.size };
    checkMap(this.map);
    Object.assign(this, { ...x, column });
    if (x.bias === "hashed") {
      this.biasMap = { ...this.map, buckets: x.bias_buckets, n_cols: 1, seed: derive(x.seed, 0xffffffff) };
      checkMap(this.biasMap);
    }
    this.setWeights(w, b);
  }

  setWeights(w, b) {
    const size = { hashed: this.bias_buckets, dense: this.n_out }[this.bias];
    demand(w.length === this.map.buckets, "the wrong number of weights");
    demand(size === undefined ? b === null : b !== null && b.length === size, "the wrong number of biases");
    Object.assign(this, { w: [...w], b: b && [...b] });
  }

  batch(x, width) {
    demand(Array.isArray(x) && x.every((row) => Array.isArray(row) && row.length === width), `not a batch of ${width}`);
    return x;
  }

  gather(m, w) {
    return Array.from({ length: m.n_out }, (_, i) => Array.from({ length: m.n_cols }, (_, j) => {
      const [k, sign] = lookUp(m, i, j);
      return w[k] * sign;
    }));
  }

  scatter(m, dV) {
    const dw = new Array(m.buckets).fill(0);
    dV.forEach((row, i) => row.forEach((g, j) => { const [k, sign] = lookUp(m, i, j); dw[k] += g * sign; }));
    return dw;
  }

  withOnes(a) { return this.column ? a.map((row) => [1, ...row]) : a; }

  forward(a) {
    const V = this.gather(this.map, this.w);
    const beta = this.bias === "hashed" ? this.gather(this.biasMap, this.b).map((row) => row[0]) : this.b ?? [];
    return this.withOnes(this.batch(a, this.n_in)).map((row) =>
      V.map((weights, i) => weights.reduce((sum, v, j) => sum + v * row[j], beta[i] ?? 0)));
  }

  backward(a, dz) {
    demand(this.batch(a, this.n_in).length === this.batch(dz, this.n_out).length, "unequal numbers of rows");
    const ones = this.withOnes(a), V = this.gather(this.map, this.w);
    const dV = V.map((row, i) => row.map((_, j) => dz.reduce((sum, d, n) => sum + d[i] * ones[n][j], 0)));
    const da = dz.map((d) => V[0].slice(this.column).map((_, j) =>
      d.reduce((sum, x, i) => sum + x * V[i][j + this.column], 0)));
    const sums = V.map((_, i) => dz.reduce((sum, d) => sum + d[i], 0));
    const db = { hashed: () => this.scatter(this.biasMap, sums.map((x) => [x])), dense: () => sums }[this.bias];
    return { dw: this.scatter(this.map, dV), db: db ? db() : null, da };
  }

  // the gradients of one batch, added to those of the calls before if that is asked for
  gradients(a, dz, add) {
    const g = this.backward(a, dz);
    for (const name of ["dw", "db"]) if (add && this.sum && g[name]) g[name] = g[name].map((x, k) => x + this.sum[name][k]);
    this.sum = g;
    return g;
  }

  step({ a, dz, lr, momentum, weight_decay }) {
    const g = this.backward(a, dz);
    this.v ??= {};
    for (const name of this.b ? ["w", "b"] : ["w"]) {
      const v = this.v[name] ?? new Array(this[name].length).fill(0);
      this.v[name] = v.map((x, k) => momentum * x + g["d" + name][k] + weight_decay * this[name][k]);
      this[name] = this[name].map((x, k) => x - lr * this.v[name][k]);
    }
    return { w: this.w, b: this.b };
  }
}

// ---- sections 10 and 11: the operations

const make = ({ layer, w, b }) => new Layer(layer, w === undefined ? new Array(layer.buckets).fill(0) : dense(w), dense(b ?? null));
const pairs = ({ i, j }) => i.map((x, n) => [uint32(x), uint32(j[n])]);

function script({ layers, steps }) {
  const made = layers.map((layer) => make({ layer, w: layer.w, b: layer.b })), out = {};
  steps.forEach((step, n) => {
    const layer = made[step.layer];
    const add = (found) => { for (const [name, x] of Object.entries(found)) out[name + n] = x; };
    if (step.call === "forward") add({ z: layer.forward(step.a) });
    else if (step.call === "backward") add(layer.gradients(step.a, step.dz, false));
    else if (step.call === "accumulate") add(layer.gradients(step.a, step.dz, true));
    else if (step.call === "gather") add({ V: layer.gather(layer.map, layer.w) });
    else if (step.call === "scatter_add") add({ dw: layer.scatter(layer.map, step.dV) });
    else if (step.call === "set_weights") layer.setWeights(step.w, step.b);
    else add(layer.step(step));
  });
  return out;
}

const operations = {
  hash: (x) => { uint32(x.seed); return { hash: pairs(x).map(([i, j]) => hash(i, j, x.seed)) }; },
  derive_seed: (x) => ({ seed: x.n.map((n) => derive(x.seed, n)) }),
  bucket_counts: bucketCounts,
  bucket_sign: (x) => {
    checkMap(x);
    const found = pairs(x).map(([i, j]) => {
      demand(x.n_out === undefined || (i < x.n_out && j < x.n_cols), "(i, j) lies outside V");
      return lookUp(x, i, j);
    });
    return { bucket: found.map(([k]) => k), sign: found.map(([, s]) => s) };
  },
  gather: (x) => { const layer = make(x); return { V: layer.gather(layer.map, layer.w) }; },
  scatter_add: (x) => {
    const layer = make(x);
    demand(layer.batch(x.dV, layer.n_in).length === layer.n_out, "dV has the wrong number of rows");
    return { dw: layer.scatter(layer.map, x.dV) };
  },
  forward: (x) => ({ z: make(x).forward(Array.isArray(x.a) ? x.a : dense(x.a)) }),
  backward: (x) => make(x).backward(Array.isArray(x.a) ? x.a : dense(x.a), x.dz),
  script,
};

const kindsOf = (x) => [x, x.layer, ...(x.layers ?? [])].map((one) => one?.kind ?? "");
const isText = (x) => kindsOf(x).some((kind) => /authors2015|pytorch2019|keras/.test(kind));

function answer({ operation, input }) {
  if (!operations[operation]) return { not_covered: `no ${operation}` };
  if (isText(input)) return { not_covered: "no kinds with text keys" };
  try {
    return { output: operations[operation](input) };
  } catch (error) {
    if (error instanceof Refused) return { error: error.message };
    if (error instanceof Unsupported) return { not_covered: error.message };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(JSON.parse(line))));
