// Hold the site's sharing maps against the golden vectors: node tests/site/vectors.mjs data/vectors/vectors.json
import fs from "node:fs";
import { SharingMap, kinds, xxh32Pair } from "../../docs/_static/sharing_map.mjs";

const FULL = 2 ** 32 - 1;
const groups = JSON.parse(fs.readFileSync(process.argv[2], "utf8")).groups;

const answers = {
  hash: ({ i, j, seed }) => ({ hash: i.map((row, n) => xxh32Pair(row, j[n], seed)) }),
  derive_seed: ({ seed, n }) => ({ seed: n.map((position) => xxh32Pair(seed, position, 0)) }),
  bucket_sign: ({ kind, buckets, seed, i, j, n_cols, size }) => {
    const map = new SharingMap({ rows: FULL, columns: n_cols ?? FULL, buckets, seed, kind, size: size ?? undefined });
    const found = i.map((row, n) => map.lookup(row, j[n]));
    return { bucket: found.map((one) => one.bucket), sign: found.map((one) => one.sign) };
  },
  gather: ({ layer, w }) => {
    const { n_in: columns, n_out: rows, buckets, seed, kind, size } = layer;
    const map = new SharingMap({ rows, columns, buckets, seed, kind, size: size ?? undefined });
    const V = Array.from({ length: rows }, () => new Array(columns));
    if (w.length !== buckets) throw new RangeError(`w has ${w.length} entries, the map has ${buckets} buckets`);
    for (const { i, j, bucket, sign } of map.table()) V[i][j] = sign * w[bucket];
    return { V };
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
