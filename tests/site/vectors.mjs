// Hold the site's sharing maps against the golden vectors: node tests/site/vectors.mjs data/vectors/vectors.json
import fs from "node:fs";
import { SharingMap, kinds, xxh32Pair } from "../../docs/_static/sharing_map.mjs";

const FULL = 2 ** 32;
const groups = JSON.parse(fs.readFileSync(process.argv[2], "utf8")).groups;

// An array given by a formula, and a large matrix given by sums: SPEC.md, section 10.
function fill({ shape: [length], formula }) {
  return Array.from({ length }, (_, n) => {
    let u = (Math.imul(n, 2654435761) + Math.imul(formula, 2246822519) + 1) >>> 0;
    u = Math.imul(u ^ (u >>> 15), 3266489917) >>> 0;
    return (2 * (u >>> 28) - 15) / 8;
  });
}

function sums(V) {
  const weighted = (line) => line.reduce((total, x, n) => total + (1 + (n % 5)) * x, 0);
  const column = (c) => V.map((row) => row[c]);
  return {
    shape: [V.length, V[0].length],
    row_sums: V.map(weighted),
    column_sums: V[0].map((_, c) => weighted(column(c))),
  };
}

const answers = {
  hash: ({ i, j, seed }) => ({ hash: i.map((row, n) => xxh32Pair(row, j[n], seed)) }),
  derive_seed: ({ seed, n }) => ({ seed: n.map((position) => xxh32Pair(seed, position, 0)) }),
  bucket_sign: ({ kind, buckets, seed, i, j, n_out, n_cols, size }) => {
    const map = new SharingMap({ rows: n_out ?? FULL, columns: n_cols ?? FULL, buckets, seed, kind, size: size ?? undefined });
    const found = i.map((row, n) => map.lookup(row, j[n]));
    return { bucket: found.map((one) => one.bucket), sign: found.map((one) => one.sign) };
  },
  gather: ({ layer, w: given }) => {
    const w = Array.isArray(given) ? given : fill(given);
    const { n_in: columns, n_out: rows, buckets, seed, kind, size } = layer;
    const map = new SharingMap({ rows, columns, buckets, seed, kind, size: size ?? undefined });
    const V = Array.from({ length: rows }, () => new Array(columns));
    if (w.length !== buckets) throw new RangeError(`w has ${w.length} entries, the map has ${buckets} buckets`);
    for (const { i, j, bucket, sign } of map.table()) V[i][j] = sign * w[bucket];
    return { V: Array.isArray(given) ? V : sums(V) };
  },
};

// The page has no text keys and no map given as a table.
const isOurs = ({ kind, layer }) => kinds.includes(kind ?? layer?.kind ?? "xxhash");
let passed = 0;
const failed = [];
const covered = {};
for (const { operation, cases } of groups) {
  for (const one of cases) {
    if (!(operation in answers) || !isOurs(one.input)) continue;
    let found = null;
    try {
      found = JSON.stringify(answers[operation](one.input));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    const good = one.result === "invalid" ? found === null : found === JSON.stringify(one.expected);
    if (good) passed += 1;
    else failed.push(`${one.id}: expected ${one.result} ${JSON.stringify(one.expected)}, found ${found}`);
    const kind = one.input.kind ?? one.input.layer?.kind ?? operation;
    covered[kind] = (covered[kind] ?? 0) + 1;
  }
}
for (const line of failed.slice(0, 10)) console.log(line.slice(0, 400));
console.log(JSON.stringify({ passed, failed: failed.length, covered }));
process.exitCode = failed.length || !passed ? 1 : 0;
