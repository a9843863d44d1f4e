// A HashedNet in Rust, written from data/vectors/SPEC.md alone, that the kit asks by lines of JSON (section 11):
//
//     rustc -O --edition 2021 -o hashed_layer tests/hashed_layer.rs
//     python -m hashnets_np check --command ./hashed_layer
//
// It needs nothing but Rust's standard library: the file has its own JSON reader and its own XXH32. It covers everything
// but what a layer stores, and computes in f64, which the specification allows.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write as _};

// ---------------------------------------------------------------- what can go wrong

enum Stop {
    Refused(String),
    NotCovered(String),
}

type Answer<T> = Result<T, Stop>;
type Matrix = Vec<Vec<f64>>;

fn refuse<T>(why: &str) -> Answer<T> {
    Err(Stop::Refused(why.to_string()))
}

fn demand(condition: bool, why: &str) -> Answer<()> {
    if condition { Ok(()) } else { refuse(why) }
}

// ---------------------------------------------------------------- JSON

#[derive(Clone)]
enum Json {
    Null,
    Bool,
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> u8 {
        while self.at < self.bytes.len() && self.bytes[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        *self.bytes.get(self.at).expect("JSON ends too early")
    }

    fn text(&mut self) -> String {
        let mut out = Vec::new();
        self.at += 1;
        while self.bytes[self.at] != b'"' {
            self.at += 1;
            match self.bytes[self.at - 1] {
                b'\\' => out.extend(self.escaped().to_string().bytes()),
                byte => out.push(byte),
            }
        }
        self.at += 1;
        String::from_utf8(out).expect("UTF-8")
    }

    /// What the letters after a backslash stand for.
    fn escaped(&mut self) -> char {
        self.at += 1;
        match self.bytes[self.at - 1] {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let mut units = vec![self.utf16_unit()];
                if (0xd800..0xdc00).contains(&units[0]) && self.bytes[self.at..].starts_with(b"\\u") {
                    self.at += 2; // two units make one character beyond 16 bits
                    units.push(self.utf16_unit());
                }
                char::decode_utf16(units).next().and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => char::from(other), // a quote, a backslash or a slash
        }
    }

    fn utf16_unit(&mut self) -> u16 {
        let digits = std::str::from_utf8(&self.bytes[self.at..self.at + 4]).expect("ASCII");
        self.at += 4;
        u16::from_str_radix(digits, 16).expect("four hexadecimal digits")
    }

    fn value(&mut self) -> Json {
        match self.peek() {
            b'"' => Json::Text(self.text()),
            b'[' => {
                let mut out = Vec::new();
                self.at += 1;
                while self.peek() != b']' {
                    out.push(self.value());
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Json::List(out)
            }
            b'{' => {
                let mut out = Vec::new();
                self.at += 1;
                while self.peek() != b'}' {
                    let name = self.text();
                    assert_eq!(self.peek(), b':');
                    self.at += 1;
                    out.push((name, self.value()));
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Json::Object(out)
            }
            _ => {
                let start = self.at;
                while self.at < self.bytes.len() && !b",]} \n\r\t".contains(&self.bytes[self.at]) {
                    self.at += 1;
                }
                match std::str::from_utf8(&self.bytes[start..self.at]).expect("ASCII") {
                    "null" => Json::Null,
                    "true" | "false" => Json::Bool,
                    number => Json::Number(number.parse().expect("a number")),
                }
            }
        }
    }
}

impl Json {
    fn get(&self, name: &str) -> &Json {
        match self {
            Json::Object(fields) => fields.iter().find(|(key, _)| key == name).map_or(&Json::Null, |(_, x)| x),
            _ => &Json::Null,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    fn text(&self) -> &str {
        if let Json::Text(x) = self { x } else { "" }
    }

    fn list(&self) -> &[Json] {
        if let Json::List(x) = self { x } else { &[] }
    }

    fn number(&self) -> Answer<f64> {
        if let Json::Number(x) = self { Ok(*x) } else { refuse("expected a number") }
    }

    fn integer(&self, low: f64, high: f64, name: &str) -> Answer<u64> {
        let x = self.number()?;
        demand(x.fract() == 0.0 && x >= low && x <= high, &format!("{name} = {x} is out of range"))?;
        Ok(x as u64)
    }

    fn uint32(&self, name: &str) -> Answer<u32> {
        Ok(self.integer(0.0, u32::MAX as f64, name)? as u32)
    }

    fn uint32s(&self, name: &str) -> Answer<Vec<u32>> {
        self.list().iter().map(|x| x.uint32(name)).collect()
    }

    /// A list of numbers, written out or as {"shape", "at", "rest"}.
    fn vector(&self) -> Answer<Vec<f64>> {
        if let Json::Object(_) = self {
            let shape = self.get("shape").list();
            let size: f64 = shape.iter().map(|x| x.number().unwrap_or(0.0)).product();
            if size > 1e6 || shape.len() > 1 {
                return Err(Stop::NotCovered("arrays of more than a million entries".to_string()));
            }
            let mut out = vec![self.get("rest").number()?; size as usize];
            for entry in self.get("at").list() {
                out[entry.list()[0].number()? as usize] = entry.list()[1].number()?;
            }
            return Ok(out);
        }
        demand(matches!(self, Json::List(_)), "expected a list of numbers")?;
        self.list().iter().map(Json::number).collect()
    }

    /// A batch: rows of so many numbers.
    fn matrix(&self, width: usize) -> Answer<Matrix> {
        if let Json::Object(_) = self {
            return Err(Stop::NotCovered("arrays of more than a million entries".to_string()));
        }
        demand(matches!(self, Json::List(_)), "expected a batch")?;
        let rows: Matrix = self.list().iter().map(Json::vector).collect::<Answer<_>>()?;
        demand(rows.iter().all(|row| row.len() == width), &format!("expected rows of {width} numbers"))?;
        Ok(rows)
    }
}

fn write_vector(out: &mut String, x: &[f64]) {
    out.push('[');
    for (n, v) in x.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        write!(out, "{comma}{v}").unwrap();
    }
    out.push(']');
}

enum Output {
    Scalar(f64),
    Vector(Vec<f64>),
    Batch(Matrix),
    Missing,
}

fn write_answer(outputs: &[(String, Output)]) -> String {
    let mut out = "{\"output\":{".to_string();
    for (n, (name, x)) in outputs.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        write!(out, "{comma}\"{name}\":").unwrap();
        match x {
            Output::Scalar(v) => write!(out, "{v}").unwrap(),
            Output::Vector(v) => write_vector(&mut out, v),
            Output::Missing => out.push_str("null"),
            Output::Batch(rows) => {
                out.push('[');
                for (r, row) in rows.iter().enumerate() {
                    if r > 0 {
                        out.push(',');
                    }
                    write_vector(&mut out, row);
                }
                out.push(']');
            }
        }
    }
    out + "}}"
}

fn named(name: &str, x: Output) -> (String, Output) {
    (name.to_string(), x)
}

fn integers<T: Into<f64>>(x: Vec<T>) -> Output {
    Output::Vector(x.into_iter().map(Into::into).collect())
}

fn optional(x: Option<Vec<f64>>) -> Output {
    x.map_or(Output::Missing, Output::Vector)
}

// ---------------------------------------------------------------- sections 1, 4 and 8: the hash, derived seeds

const P1: u32 = 2654435761;
const P2: u32 = 2246822519;
const P3: u32 = 3266489917;
const P4: u32 = 668265263;
const P5: u32 = 374761393;

fn xxh32(key: &[u8], seed: u32) -> u32 {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let stripes = key.chunks_exact(16);
    let rest = stripes.remainder();
    let mut h = seed.wrapping_add(P5);
    if key.len() >= 16 {
        let mut lanes = [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
        for stripe in stripes {
            for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = lane.wrapping_add(word(bytes).wrapping_mul(P2)).rotate_left(13).wrapping_mul(P1);
            }
        }
        h = lanes.iter().zip([1, 7, 12, 18]).fold(0, |sum: u32, (lane, r)| sum.wrapping_add(lane.rotate_left(r)));
    }
    h = h.wrapping_add(key.len() as u32);
    let words = rest.chunks_exact(4);
    let bytes = words.remainder();
    for w in words {
        h = h.wrapping_add(word(w).wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
    }
    for b in bytes {
        h = h.wrapping_add(u32::from(*b).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    h = (h ^ h >> 15).wrapping_mul(P2);
    h = (h ^ h >> 13).wrapping_mul(P3);
    h ^ h >> 16
}

fn hash(i: u32, j: u32, seed: u32) -> u32 {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&i.to_le_bytes());
    key[4..].copy_from_slice(&j.to_le_bytes());
    xxh32(&key, seed)
}

fn derive(seed: u32, n: u32) -> u32 {
    hash(seed, n, 0)
}

// ---------------------------------------------------------------- sections 2, 8 and 8b: bucket and sign

#[derive(Clone)]
struct Map {
    kind: String,
    buckets: u64,
    seed: u32,
    rows: u64,
    cols: u64,
    size: u64,
}

fn default_seed(kind: &str) -> Option<u32> {
    match kind {
        "authors2015" | "authors2015_bias" => Some(1691),
        "pytorch2019" | "pytorch2019_bias" | "keras" => Some(2),
        _ => None,
    }
}

impl Map {
    fn read(x: &Json, buckets: &Json, seed: u32, rows: u64, cols: u64) -> Answer<Map> {
        let kind = x.get("kind").text().to_string();
        let hashed = ["xxhash", "fold", "chunk", "tile"].contains(&kind.as_str());
        demand(hashed || default_seed(&kind).is_some(), &format!("there is no kind {kind:?}"))?;
        let buckets = buckets.integer(1.0, 2147483647.0, "the number of buckets")?;
        let size = match x.get("size") {
            Json::Null => if kind == "chunk" { 16 } else { 32 },
            size => size.integer(1.0, 32768.0, "the size")?,
        };
        Ok(Map { kind, buckets, seed, rows, cols, size })
    }

    fn keys(&self, i: u64, j: u64) -> (String, Option<String>) {
        let triple = |n: u64| format!("{}{}{}", n + 1, n + 2, n + 3);
        match self.kind.as_str() {
            "keras" => (format!("{j}_{i}"), None),
            "pytorch2019" => (format!("{i}_{j}idxW"), Some(format!("{i}_{j}xiW"))),
            "pytorch2019_bias" => (format!("{i}_0idxB"), Some(format!("{i}_0xiB"))),
            "authors2015_bias" => (format!("{}_123idxB", triple(i)), Some(format!("{}_123xi_B", triple(i)))),
            _ => {
                let pair = format!("{}_{}", triple(i), triple(j));
                (format!("{pair}idxW"), Some(format!("{pair}xi_W")))
            }
        }
    }

    fn look_up(&self, i: u32, j: u32) -> (usize, f64) {
        let sign = |x: u32| if x & 1 == 0 { 1.0 } else { -1.0 };
        let (row, col) = (u64::from(i), u64::from(j));
        let place = |x: u32, inside: u64| ((u64::from(x >> 1) + inside) % self.buckets) as usize;
        match self.kind.as_str() {
            "xxhash" => {
                let x = hash(i, j, self.seed);
                (place(x, 0), sign(x))
            }
            "fold" => {
                let g = u128::from(row) * u128::from(self.cols) + u128::from(col);
                let q = (g / u128::from(self.buckets)) as u64;
                let p = (g % u128::from(self.buckets)) as u64;
                (place(hash((q >> 32) as u32, q as u32, self.seed), p), sign(hash(i, j, self.seed)))
            }
            "chunk" | "tile" => {
                let height = if self.kind == "tile" { self.size } else { 1 };
                let x = hash((row / height) as u32, (col / self.size) as u32, self.seed);
                (place(x, row % height * self.size + col % self.size), sign(x))
            }
            _ => {
                let (index, sign_key) = self.keys(row, col);
                let odd = sign_key.map_or(true, |key| xxh32(key.as_bytes(), self.seed) & 1 == 1);
                let bucket = u64::from(xxh32(index.as_bytes(), self.seed)) % self.buckets;
                (bucket as usize, if odd { 1.0 } else { -1.0 })
            }
        }
    }

    fn table(&self) -> Vec<Vec<(usize, f64)>> {
        (0..self.rows as u32).map(|i| (0..self.cols as u32).map(|j| self.look_up(i, j)).collect()).collect()
    }

    fn gather(&self, w: &[f64]) -> Matrix {
        self.table().iter().map(|row| row.iter().map(|(k, s)| w[*k] * s).collect()).collect()
    }

    fn scatter(&self, dv: &Matrix) -> Vec<f64> {
        let mut dw = vec![0.0; self.buckets as usize];
        for (row, grads) in self.table().iter().zip(dv) {
            for ((k, s), g) in row.iter().zip(grads) {
                dw[*k] += s * g;
            }
        }
        dw
    }
}

// ---------------------------------------------------------------- section 3: the number of real weights, exactly

struct Compression {
    top: u128,
    bottom: u128,
    tiny: bool, // so small that every layer has one real weight
}

fn digits(text: &str) -> Answer<u128> {
    demand(!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()), "expected digits")?;
    text.parse().or_else(|_| refuse("too many digits"))
}

fn read_compression(text: &str) -> Answer<Compression> {
    let (top, bottom, tiny) = if let Some((top, bottom)) = text.split_once('/') {
        (digits(top)?, digits(bottom)?, false)
    } else {
        let (number, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let mut power = -(part.len() as i64);
        if let Some(exponent) = exponent {
            let plain = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            demand(plain.len() <= 3, "an exponent has three digits at most")?;
            let size = digits(plain)? as i64;
            power += if exponent.starts_with('-') { -size } else { size };
        }
        let top = digits(&format!("{whole}{part}"))?;
        demand(power <= 18, "a compression is at most 1")?;
        let tiny = power < -30;
        let power = power.max(-30);
        (top * 10u128.pow(power.max(0) as u32), 10u128.pow((-power).max(0) as u32), tiny)
    };
    demand(top > 0 && bottom > 0 && (tiny || top <= bottom), "a compression is a number in (0, 1]")?;
    Ok(Compression { top, bottom, tiny })
}

fn bucket_counts(x: &Json) -> Answer<Vec<(String, Output)>> {
    let c = match x.get("compression") {
        Json::Text(text) => read_compression(text)?,
        Json::Number(number) => read_compression(&format!("{number}"))?, // Rust prints the shortest decimal
        _ => return refuse("a compression is text or a number"),
    };
    let n_in = x.get("n_in").number()? as u128;
    let n_out = x.get("n_out").number()? as u128;
    let bias = x.get("bias").text();
    let count = |n: u128| if c.tiny { 1.0 } else { ((c.top * n + c.bottom - 1) / c.bottom).max(1) as f64 };
    let columns = n_in + u128::from(bias == "column");
    let biases = if bias == "hashed" { count(n_out) } else { 0.0 };
    Ok(vec![named("buckets", Output::Scalar(count(n_out * columns))), named("bias_buckets", Output::Scalar(biases))])
}

// ---------------------------------------------------------------- sections 5 and 6: the layer

struct Gradients {
    dw: Vec<f64>,
    db: Option<Vec<f64>>,
    da: Matrix,
}

impl Gradients {
    fn outputs(self, number: &str) -> Vec<(String, Output)> {
        vec![
            (format!("dw{number}"), Output::Vector(self.dw)),
            (format!("db{number}"), optional(self.db)),
            (format!("da{number}"), Output::Batch(self.da)),
        ]
    }
}

struct Layer {
    n_in: usize,
    n_out: usize,
    column: bool,
    map: Map,
    bias_map: Option<Map>,
    w: Vec<f64>,
    b: Option<Vec<f64>>,
    velocity: (Vec<f64>, Vec<f64>),
    sum: Option<(Vec<f64>, Option<Vec<f64>>)>, // what accumulate adds to
}

impl Layer {
    fn read(x: &Json, seed: u32, w: &Json, b: &Json) -> Answer<Layer> {
        let n_in = x.get("n_in").integer(1.0, 4294967295.0, "n_in")?;
        let n_out = x.get("n_out").integer(1.0, 4294967295.0, "n_out")?;
        let kind = x.get("kind").text();
        let bias = x.get("bias").text();
        let is_text = default_seed(kind).is_some();
        let allowed: &[&str] = match kind {
            "keras" => &["dense"],
            _ if is_text => &["dense", "hashed"],
            _ => &["dense", "hashed", "column"],
        };
        demand(x.get("bias").is_null() || allowed.contains(&bias), &format!("{kind} has no bias {bias:?}"))?;
        let column = bias == "column";
        let map = Map::read(x, x.get("buckets"), seed, n_out, n_in + u64::from(column))?;
        if n_in * n_out > 4_000_000 {
            return Err(Stop::NotCovered("layers of more than four million virtual weights".to_string()));
        }
        let mut bias_map = None;
        if bias == "hashed" {
            let seed = if is_text { seed } else { derive(seed, u32::MAX) };
            let mut m = Map::read(x, x.get("bias_buckets"), seed, n_out, 1)?;
            if is_text {
                m.kind += "_bias";
            }
            bias_map = Some(m);
        }
        let real = map.buckets as usize;
        let mut layer = Layer {
            n_in: n_in as usize,
            n_out: n_out as usize,
            column,
            map,
            bias_map,
            w: Vec::new(),
            b: if bias == "hashed" || bias == "dense" { Some(Vec::new()) } else { None },
            velocity: (vec![0.0; real], Vec::new()),
            sum: None,
        };
        layer.set_weights(if w.is_null() { vec![0.0; real] } else { w.vector()? }, b)?;
        layer.velocity.1 = vec![0.0; layer.b.as_ref().map_or(0, Vec::len)];
        Ok(layer)
    }

    fn set_weights(&mut self, w: Vec<f64>, b: &Json) -> Answer<()> {
        demand(w.len() == self.map.buckets as usize, "the number of real weights is not K")?;
        demand(self.b.is_some() != b.is_null(), "biases are missing, or given where the layer has none")?;
        if self.b.is_some() {
            let b = b.vector()?;
            let size = self.bias_map.as_ref().map_or(self.n_out, |m| m.buckets as usize);
            demand(b.len() == size, "the number of real biases does not fit")?;
            self.b = Some(b);
        }
        self.w = w;
        Ok(())
    }

    fn beta(&self) -> Vec<f64> {
        match (&self.bias_map, &self.b) {
            (Some(m), Some(b)) => m.gather(b).iter().map(|row| row[0]).collect(),
            (None, Some(b)) => b.clone(),
            _ => vec![0.0; self.n_out],
        }
    }

    fn with_ones(&self, a: &Matrix) -> Matrix {
        let ones = if self.column { vec![1.0] } else { vec![] };
        a.iter().map(|row| [ones.as_slice(), row].concat()).collect()
    }

    fn forward(&self, a: &Matrix) -> Matrix {
        let v = self.map.gather(&self.w);
        let beta = self.beta();
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        self.with_ones(a).iter().map(|row| v.iter().zip(&beta).map(|(v, c)| dot(v, row) + c).collect()).collect()
    }

    fn backward(&self, a: &Matrix, dz: &Matrix) -> Answer<Gradients> {
        demand(a.len() == dz.len(), "a and dz have unequal numbers of rows")?;
        let v = self.map.gather(&self.w);
        let first = usize::from(self.column);
        let mut dv = vec![vec![0.0; self.n_in + first]; self.n_out];
        let mut sums = vec![0.0; self.n_out];
        let mut da = vec![vec![0.0; self.n_in]; a.len()];
        for ((row, d), da) in self.with_ones(a).iter().zip(dz).zip(&mut da) {
            for (i, d) in d.iter().enumerate() {
                sums[i] += d;
                dv[i].iter_mut().zip(row).for_each(|(x, a)| *x += d * a);
                da.iter_mut().zip(&v[i][first..]).for_each(|(x, v)| *x += d * v);
            }
        }
        let db = match (&self.bias_map, &self.b) {
            (Some(m), _) => Some(m.scatter(&sums.iter().map(|x| vec![*x]).collect())),
            (None, Some(_)) => Some(sums),
            _ => None,
        };
        Ok(Gradients { dw: self.map.scatter(&dv), db, da })
    }

    /// Gradients of one batch, added to those of the calls before if that is asked for.
    fn gradients(&mut self, a: &Matrix, dz: &Matrix, add: bool) -> Answer<Gradients> {
        let mut g = self.backward(a, dz)?;
        let sum = |x: &mut Vec<f64>, y: &[f64]| x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
        if let (true, Some((dw, db))) = (add, &self.sum) {
            sum(&mut g.dw, dw);
            if let (Some(x), Some(y)) = (&mut g.db, db) {
                sum(x, y);
            }
        }
        self.sum = Some((g.dw.clone(), g.db.clone()));
        Ok(g)
    }

    /// Section 7: one update.
    fn step(&mut self, a: &Matrix, dz: &Matrix, lr: f64, momentum: f64, decay: f64) -> Answer<()> {
        let g = self.backward(a, dz)?;
        let update = |w: &mut [f64], v: &mut [f64], g: &[f64]| {
            for ((w, v), g) in w.iter_mut().zip(v).zip(g) {
                *v = momentum * *v + g + decay * *w;
                *w -= lr * *v;
            }
        };
        update(&mut self.w, &mut self.velocity.0, &g.dw);
        if let (Some(b), Some(db)) = (&mut self.b, &g.db) {
            update(b, &mut self.velocity.1, db);
        }
        Ok(())
    }
}

// ---------------------------------------------------------------- section 7: networks and losses

fn network(x: &Json) -> Answer<Vec<(String, Output)>> {
    let seed = x.get("seed").uint32("the seed")?;
    let mut layers = Vec::new();
    for (n, (spec, p)) in x.get("layers").list().iter().zip(x.get("weights").list()).enumerate() {
        let seed = default_seed(spec.get("kind").text()).unwrap_or(derive(seed, n as u32));
        layers.push(Layer::read(spec, seed, p.get("w"), p.get("b"))?);
    }
    let keep = 1.0 - x.get("rate").number()?;
    let times = |x: &mut Matrix, factor: &Matrix, by: f64| {
        for (row, factors) in x.iter_mut().zip(factor) {
            row.iter_mut().zip(factors).for_each(|(x, f)| *x *= f / by);
        }
    };
    let masks: Option<Vec<Matrix>> = match x.get("masks") {
        Json::Null => None,
        masks => Some(masks.list().iter().zip(&layers).map(|(m, l)| m.matrix(l.n_in)).collect::<Answer<_>>()?),
    };
    let positive = |z: &Matrix| -> Matrix {
        z.iter().map(|row| row.iter().map(|x| f64::from(u8::from(*x > 0.0))).collect()).collect()
    };
    let mut inputs: Vec<Matrix> = Vec::new();
    let mut sums: Vec<Matrix> = Vec::new();
    for (n, layer) in layers.iter().enumerate() {
        let mut a = match sums.last() {
            None => x.get("x").matrix(layer.n_in)?,
            Some(z) => {
                let mut a = z.clone();
                times(&mut a, &positive(z), 1.0); // ReLU
                a
            }
        };
        if let Some(masks) = &masks {
            times(&mut a, &masks[n], keep);
        }
        sums.push(layer.forward(&a));
        inputs.push(a);
    }
    let z = sums.last().cloned().unwrap_or_default();
    let mut error = x.get("dz").matrix(layers.last().map_or(0, |l| l.n_out))?;
    let mut out = vec![named("z", Output::Batch(z))];
    for n in (0..layers.len()).rev() {
        let g = layers[n].backward(&inputs[n], &error)?;
        out.push((format!("dw{n}"), Output::Vector(g.dw)));
        out.push((format!("db{n}"), optional(g.db)));
        error = g.da;
        if let Some(masks) = &masks {
            times(&mut error, &masks[n], keep);
        }
        if n > 0 {
            times(&mut error, &positive(&sums[n - 1]), 1.0);
        }
    }
    out.push(named("dx", Output::Batch(error)));
    Ok(out)
}

fn log_softmax(z: &[f64]) -> Vec<f64> {
    let top = z.iter().cloned().fold(f64::NEG_INFINITY, f64::max);
    let total = z.iter().map(|x| (x - top).exp()).sum::<f64>().ln();
    z.iter().map(|x| x - top - total).collect()
}

fn loss(x: &Json) -> Answer<Vec<(String, Output)>> {
    let width = x.get("z").list().first().map_or(0, |row| row.list().len());
    let z = x.get("z").matrix(width)?;
    let labels = x.get("y").list();
    demand(labels.len() == z.len(), "there is one label for each row")?;
    let soft = if x.get("soft").is_null() { None } else { Some(x.get("soft").matrix(width)?) };
    let t = x.get("temperature").number()?;
    let mix = if soft.is_some() { x.get("mix").number()? } else { 0.0 };
    let mut total = 0.0;
    let mut dz = Vec::new();
    for (n, row) in z.iter().enumerate() {
        let label = labels[n].integer(0.0, width as f64 - 1.0, "a label")? as usize;
        let hard = log_softmax(row);
        total -= (1.0 - mix) * hard[label];
        let hot = |c: usize| f64::from(u8::from(c == label));
        let mut d: Vec<f64> = hard.iter().enumerate().map(|(c, p)| (1.0 - mix) * (p.exp() - hot(c))).collect();
        if let Some(soft) = &soft {
            let warm = log_softmax(&row.iter().map(|x| x / t).collect::<Vec<_>>());
            for ((d, p), q) in d.iter_mut().zip(&warm).zip(&soft[n]) {
                total -= mix * t * t * q * p;
                *d += mix * t * (p.exp() - q);
            }
        }
        dz.push(d.iter().map(|d| d / z.len() as f64).collect());
    }
    Ok(vec![named("loss", Output::Scalar(total / z.len() as f64)), named("dz", Output::Batch(dz))])
}

// ---------------------------------------------------------------- sections 10 and 11: the operations

fn one_layer(x: &Json) -> Answer<Layer> {
    let spec = x.get("layer");
    Layer::read(spec, spec.get("seed").uint32("the seed")?, x.get("w"), x.get("b"))
}

fn bucket_sign(x: &Json) -> Answer<Vec<(String, Output)>> {
    let end = |name: &str| if x.get(name).is_null() { Ok(1 << 32) } else { x.get(name).integer(1.0, 4294967296.0, name) };
    let m = Map::read(x, x.get("buckets"), x.get("seed").uint32("the seed")?, end("n_out")?, end("n_cols")?)?;
    let mut buckets = Vec::new();
    let mut signs = Vec::new();
    for (i, j) in x.get("i").uint32s("i")?.into_iter().zip(x.get("j").uint32s("j")?) {
        demand(u64::from(i) < m.rows && u64::from(j) < m.cols, "(i, j) lies outside V")?;
        let (bucket, sign) = m.look_up(i, j);
        buckets.push(bucket as f64);
        signs.push(sign);
    }
    Ok(vec![named("bucket", integers(buckets)), named("sign", integers(signs))])
}

fn sgd(x: &Json) -> Answer<Vec<(String, Output)>> {
    let mut layer = one_layer(x)?;
    let (momentum, decay) = (x.get("momentum").number()?, x.get("weight_decay").number()?);
    for step in x.get("steps").list() {
        let a = step.get("a").matrix(layer.n_in)?;
        let target = step.get("target").matrix(layer.n_out)?;
        let mut dz = layer.forward(&a);
        for (row, targets) in dz.iter_mut().zip(&target) {
            row.iter_mut().zip(targets).for_each(|(z, t)| *z = (*z - t) / a.len() as f64);
        }
        layer.step(&a, &dz, step.get("lr").number()?, momentum, decay)?;
    }
    Ok(vec![named("w", Output::Vector(layer.w)), named("b", optional(layer.b))])
}

fn script(x: &Json) -> Answer<Vec<(String, Output)>> {
    let mut layers = Vec::new();
    for spec in x.get("layers").list() {
        layers.push(Layer::read(spec, spec.get("seed").uint32("the seed")?, spec.get("w"), spec.get("b"))?);
    }
    let mut out = Vec::new();
    for (n, step) in x.get("steps").list().iter().enumerate() {
        let layer = &mut layers[step.get("layer").number()? as usize];
        let call = step.get("call").text();
        let batch = |name: &str, width: usize| step.get(name).matrix(width);
        match call {
            "forward" => out.push((format!("z{n}"), Output::Batch(layer.forward(&batch("a", layer.n_in)?)))),
            "backward" | "accumulate" => {
                let g = layer.gradients(&batch("a", layer.n_in)?, &batch("dz", layer.n_out)?, call == "accumulate")?;
                out.extend(g.outputs(&n.to_string()));
            }
            "gather" => out.push((format!("V{n}"), Output::Batch(layer.map.gather(&layer.w)))),
            "scatter_add" => {
                out.push((format!("dw{n}"), Output::Vector(layer.map.scatter(&batch("dV", layer.n_in)?))));
            }
            "set_weights" => layer.set_weights(step.get("w").vector()?, step.get("b"))?,
            "step" => {
                let number = |name: &str| step.get(name).number();
                let (a, dz) = (batch("a", layer.n_in)?, batch("dz", layer.n_out)?);
                layer.step(&a, &dz, number("lr")?, number("momentum")?, number("weight_decay")?)?;
                out.push((format!("w{n}"), Output::Vector(layer.w.clone())));
                out.push((format!("b{n}"), optional(layer.b.clone())));
            }
            _ => return Err(Stop::NotCovered(format!("no call {call}"))),
        }
    }
    Ok(out)
}

fn answer(operation: &str, x: &Json) -> Answer<Vec<(String, Output)>> {
    match operation {
        "hash" => {
            let seed = x.get("seed").uint32("the seed")?;
            let pairs = x.get("i").uint32s("i")?.into_iter().zip(x.get("j").uint32s("j")?);
            Ok(vec![named("hash", integers(pairs.map(|(i, j)| hash(i, j, seed)).collect()))])
        }
        "hash_text" => {
            let seed = x.get("seed").uint32("the seed")?;
            let hashes = x.get("texts").list().iter().map(|text| xxh32(text.text().as_bytes(), seed)).collect();
            Ok(vec![named("hash", integers(hashes))])
        }
        "derive_seed" => {
            let seed = x.get("seed").uint32("the seed")?;
            let seeds = x.get("n").uint32s("n")?.into_iter().map(|n| derive(seed, n)).collect();
            Ok(vec![named("seed", integers(seeds))])
        }
        "bucket_counts" => bucket_counts(x),
        "bucket_sign" => bucket_sign(x),
        "gather" => {
            let layer = one_layer(x)?;
            Ok(vec![named("V", Output::Batch(layer.map.gather(&layer.w)))])
        }
        "scatter_add" => {
            let layer = one_layer(x)?;
            let dv = x.get("dV").matrix(layer.n_in)?;
            demand(dv.len() == layer.n_out, "dV has the wrong number of rows")?;
            Ok(vec![named("dw", Output::Vector(layer.map.scatter(&dv)))])
        }
        "forward" => {
            let layer = one_layer(x)?;
            let a = x.get("a").matrix(layer.n_in)?;
            Ok(vec![named("z", Output::Batch(layer.forward(&a)))])
        }
        "backward" => {
            let layer = one_layer(x)?;
            let g = layer.backward(&x.get("a").matrix(layer.n_in)?, &x.get("dz").matrix(layer.n_out)?)?;
            Ok(g.outputs(""))
        }
        "network" => network(x),
        "loss" => loss(x),
        "sgd" => sgd(x),
        "script" => script(x),
        _ => Err(Stop::NotCovered(format!("no {operation}"))),
    }
}

fn main() {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line.expect("a line of UTF-8");
        let request = Reader { bytes: line.as_bytes(), at: 0 }.value();
        let text = match answer(request.get("operation").text(), request.get("input")) {
            Ok(outputs) => write_answer(&outputs),
            Err(Stop::Refused(why)) => format!("{{\"error\":{why:?}}}"),
            Err(Stop::NotCovered(why)) => format!("{{\"not_covered\":{why:?}}}"),
        };
        writeln!(out, "{text}").and_then(|()| out.flush()).expect("standard output");
    }
}
