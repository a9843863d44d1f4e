// Sharing maps in JavaScript: which real weight, and which sign, a virtual weight V[i, j] uses. This is SPEC.md, sections
// 1 and 2, and the kinds of specification 1.1, for the page to touch; tests/site/vectors.mjs holds it against the golden vectors.

const PRIME_2 = 2246822519;
const PRIME_3 = 3266489917;
const PRIME_4 = 668265263;
const PRIME_5 = 374761393;

// All words are uint32. Math.imul multiplies modulo 2^32, and `>>> 0` makes its signed result unsigned again.
const add = (a, b) => (a + b) >>> 0;
const multiply = (a, b) => Math.imul(a, b) >>> 0;
const rotateLeft = (a, bits) => ((a << bits) | (a >>> (32 - bits))) >>> 0;

export function requireUint32(name, value) {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`${name} is ${value}, expected a whole number in 0 ... 4294967295`);
  }
}

// XXH32 of the 8 bytes le32(i), le32(j), word by word.
export function xxh32Pair(i, j, seed) {
  requireUint32("i", i);
  requireUint32("j", j);
  requireUint32("seed", seed);
  let h = add(add(seed, PRIME_5), 8);
  for (const lane of [i, j]) {
    h = add(h, multiply(lane, PRIME_3));
    h = multiply(rotateLeft(h, 17), PRIME_4);
  }
  h = multiply((h ^ (h >>> 15)) >>> 0, PRIME_2);
  h = multiply((h ^ (h >>> 13)) >>> 0, PRIME_3);
  return (h ^ (h >>> 16)) >>> 0;
}

const signOf = (hash) => (hash & 1 ? -1 : 1);
const TWO_32 = 2 ** 32;

// Each kind: map {columns, buckets, seed, size} and (i, j) -> {bucket, sign, steps}. The steps are what a person would compute.
const KINDS = {
  xxhash(map, i, j) {
    const hash = xxh32Pair(i, j, map.seed);
    const half = hash >>> 1;
    return {
      bucket: half % map.buckets,
      sign: signOf(hash),
      steps: [
        ["key", `${bytes(i)} ${bytes(j)}  (i, then j, lowest byte first)`],
        ["hash", `${hex(hash)} = ${hash}  (XXH32, seed ${map.seed})`],
        ["bucket", `${hash} >> 1 = ${half}, and ${half} mod ${map.buckets} = ${half % map.buckets}`],
        ["sign", `bit 0 of the hash is ${hash & 1}: ${signText(signOf(hash))}`],
      ],
    };
  },

  fold(map, i, j) {
    const place = BigInt(i) * BigInt(map.columns) + BigInt(j);
    const fold = place / BigInt(map.buckets);
    const inside = Number(place % BigInt(map.buckets));
    const shift = xxh32Pair(Number(fold >> 32n), Number(fold & 0xffffffffn), map.seed) >>> 1;
    const bucket = (inside + shift) % map.buckets;
    const hash = xxh32Pair(i, j, map.seed);
    return {
      bucket,
      sign: signOf(hash),
      steps: [
        ["place", `${i} * ${map.columns} + ${j} = ${place}: number ${inside} of fold ${fold}`],
        ["shift", `of fold ${fold}: its XXH32 (seed ${map.seed}) >> 1 = ${shift}`],
        ["bucket", `${inside} + ${shift} = ${inside + shift}, and that mod ${map.buckets} = ${bucket}`],
        ["sign", `bit 0 of XXH32 of (${i}, ${j}), ${hex(hash)}, is ${hash & 1}: ${signText(signOf(hash))}`],
      ],
    };
  },

  chunk(map, i, j) {
    return pieceRule(map, xxh32Pair(i, Math.floor(j / map.size), map.seed), j % map.size, `(${i}, ${Math.floor(j / map.size)})`);
  },

  tile(map, i, j) {
    const row = Math.floor(i / map.size);
    const column = Math.floor(j / map.size);
    return pieceRule(map, xxh32Pair(row, column, map.seed), (i % map.size) * map.size + (j % map.size), `(${row}, ${column})`);
  },
};

// A piece of V lies at one place in w, and has one sign.
function pieceRule(map, hash, inside, piece) {
  const half = hash >>> 1;
  const bucket = (half + inside) % map.buckets;
  return {
    bucket,
    sign: signOf(hash),
    steps: [
      ["piece", `${piece}, and number ${inside} in it`],
      ["hash", `of the piece: ${hex(hash)} = ${hash}  (XXH32, seed ${map.seed})`],
      ["bucket", `${hash} >> 1 = ${half}, + ${inside} = ${half + inside}, and that mod ${map.buckets} = ${bucket}`],
      ["sign", `bit 0 of the piece's hash is ${hash & 1}: ${signText(signOf(hash))}`],
    ],
  };
}

const hex = (word) => "0x" + word.toString(16).padStart(8, "0");
const bytes = (word) => [0, 8, 16, 24].map((shift) => ((word >>> shift) & 255).toString(16).padStart(2, "0")).join(" ");
const signText = (sign) => (sign > 0 ? "plus" : "minus");

export const kinds = Object.keys(KINDS);
export const defaultSize = { chunk: 16, tile: 32 };

export class SharingMap {
  constructor({ rows, columns, buckets, seed = 0, kind = "xxhash", size = defaultSize[kind] ?? 1 }) {
    if (!(kind in KINDS)) throw new RangeError(`kind is ${kind}, expected one of ${kinds.join(", ")}`);
    for (const [name, value, largest] of [["rows", rows, 2 ** 32], ["columns", columns, 2 ** 32], ["size", size, 2 ** 15]]) {
      if (!Number.isInteger(value) || value < 1 || value > largest) {
        throw new RangeError(`${name} is ${value}, expected a whole number in 1 ... ${largest}`);
      }
    }
    if (!Number.isInteger(buckets) || buckets < 1 || buckets > 0x7fffffff) {
      throw new RangeError(`buckets is ${buckets}, expected a whole number in 1 ... 2147483647`);
    }
    requireUint32("seed", seed);
    Object.assign(this, { rows, columns, buckets, seed, kind, size });
  }

  lookup(i, j) {
    requireUint32("i", i);
    requireUint32("j", j);
    if (i >= this.rows || j >= this.columns) {
      throw new RangeError(`(${i}, ${j}) is outside V, which is ${this.rows} x ${this.columns}`);
    }
    return KINDS[this.kind](this, i, j);
  }

  // All of V row by row, for maps small enough to draw.
  table() {
    const cells = [];
    for (let i = 0; i < this.rows; i++) {
      for (let j = 0; j < this.columns; j++) {
        const { bucket, sign } = this.lookup(i, j);
        cells.push({ i, j, bucket, sign });
      }
    }
    return cells;
  }
}
