/* A HashedNet layer in C, written from data/vectors/SPEC.md and vectors.json alone, and held against every case there
   that needs no training loop. No library but C's own: the file has its own JSON reader and its own XXH32.

       cc -O2 -o hashed_layer hashed_layer.c -lm && ./hashed_layer ../data/vectors/vectors.json

   Prints a line for each topic; exits with 0 if something was covered and all of it holds. Computes in double. */

#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* ---------------------------------------------------------------- memory of one case, and refusing bad input */

static jmp_buf refused;
static void **blocks;
static size_t n_blocks;

static void refuse(void) { longjmp(refused, 1); }
static void demand(int condition) { if (!condition) refuse(); }

static void *get(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    blocks = realloc(blocks, (n_blocks + 1) * sizeof *blocks);
    if (!p || !blocks) { fprintf(stderr, "out of memory\n"); exit(2); }
    return blocks[n_blocks++] = p;
}

static void free_all(void) { while (n_blocks) free(blocks[--n_blocks]); }

/* ---------------------------------------------------------------- JSON: a tree of nodes over the text of the file */

typedef struct node {
    char type; /* one of { [ " 0 (a number) n (null, true, false) */
    const char *text, *key;
    int length, key_length;
    struct node *first, *next;
} node;

static const char *at;

static void space(void) { while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') at++; }

static node *read_value(void) {
    node *v = calloc(1, sizeof *v), **end = &v->first;
    space();
    v->type = *at;
    if (*at == '{' || *at == '[') {
        char close = *at++ == '{' ? '}' : ']';
        for (space(); *at != close; space()) {
            node *key = NULL;
            if (*at == ',') { at++; continue; }
            if (close == '}') { key = read_value(); space(); at++; }
            *end = read_value();
            if (key) { (*end)->key = key->text; (*end)->key_length = key->length; free(key); }
            end = &(*end)->next;
        }
        at++;
    } else if (*at == '"') {
        v->text = ++at;
        while (*at != '"') at += *at == '\\' ? 2 : 1;
        v->length = (int)(at++ - v->text);
    } else {
        v->text = at;
        while (!strchr(",]} \n", *at)) at++;
        v->length = (int)(at - v->text);
        v->type = strchr("-0123456789", *v->text) ? '0' : 'n';
    }
    return v;
}

static node *find(const node *object, const char *key) {
    for (node *v = object->first; v; v = v->next)
        if ((int)strlen(key) == v->key_length && !strncmp(key, v->key, v->key_length)) return v;
    return NULL;
}

static int is(const node *v, const char *text) {
    return v && v->text && (int)strlen(text) == v->length && !strncmp(text, v->text, v->length);
}

static int is_null(const node *v) { return !v || v->type == 'n'; }
static double number(const node *v) { return strtod(v->text, NULL); }
static long count(const node *list) { long n = 0; for (node *v = list->first; v; v = v->next) n++; return n; }

static uint32_t uint32(const node *v) {
    double x = number(v);
    demand(v->type == '0' && x >= 0 && x <= 4294967295.0 && x == floor(x));
    return (uint32_t)x;
}

/* ---------------------------------------------------------------- arrays: a vector has one row less than a matrix */

typedef struct { int dims; long rows, cols; double *x; } array;

static array make(int dims, long rows, long cols) {
    array a = {dims, rows, cols, get((size_t)(rows * cols), sizeof(double))};
    return a;
}

static array read_array(const node *v) {
    array a;
    long n = 0;
    if (v->type == '{') { /* {"shape", "at", "rest"} or {"shape", "formula"} */
        const node *shape = find(v, "shape")->first, *formula = find(v, "formula");
        a = shape->next ? make(2, (long)number(shape), (long)number(shape->next)) : make(1, 1, (long)number(shape));
        if (formula) {
            uint32_t seed = (uint32_t)number(formula);
            for (n = 0; n < a.rows * a.cols; n++) {
                uint32_t u = (uint32_t)n * 2654435761u + seed * 2246822519u + 1u;
                u = (u ^ u >> 15) * 3266489917u;
                a.x[n] = (2.0 * (double)(u >> 28) - 15) / 8;
            }
            return a;
        }
        if (find(v, "rest")->type == '0' && number(find(v, "rest")) != 0)
            for (n = 0; n < a.rows * a.cols; n++) a.x[n] = number(find(v, "rest"));
        for (node *e = find(v, "at")->first; e; e = e->next) {
            const node *i = e->first, *j = i->next;
            if (a.dims == 1) a.x[(long)number(i)] = number(j);
            else a.x[(long)number(i) * a.cols + (long)number(j)] = number(j->next);
        }
        return a;
    }
    if (v->first && v->first->type == '[') {
        a = make(2, count(v), count(v->first));
        for (node *row = v->first; row; row = row->next) demand(count(row) == a.cols);
        for (node *row = v->first; row; row = row->next)
            for (node *e = row->first; e; e = e->next) a.x[n++] = number(e);
        return a;
    }
    a = make(1, 1, count(v));
    for (node *e = v->first; e; e = e->next) a.x[n++] = number(e);
    return a;
}

static array read_matrix(const node *v, long cols) { /* an empty list is a matrix without rows */
    array a = read_array(v);
    if (a.dims == 1 && a.cols == 0) { a.dims = 2; a.rows = 0; a.cols = cols; }
    demand(a.dims == 2 && a.cols == cols);
    return a;
}

/* ---------------------------------------------------------------- section 1: XXH32, of any length for section 8 */

#define P1 2654435761u
#define P2 2246822519u
#define P3 3266489917u
#define P4 668265263u
#define P5 374761393u

static uint32_t rotate(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static uint32_t word(const unsigned char *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t xxh32(const unsigned char *p, size_t length, uint32_t seed) {
    const unsigned char *end = p + length;
    uint32_t h = seed + P5;
    if (length >= 16) {
        uint32_t v[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
        for (; end - p >= 16; p += 16)
            for (int lane = 0; lane < 4; lane++) v[lane] = rotate(v[lane] + word(p + 4 * lane) * P2, 13) * P1;
        h = rotate(v[0], 1) + rotate(v[1], 7) + rotate(v[2], 12) + rotate(v[3], 18);
    }
    h += (uint32_t)length;
    for (; end - p >= 4; p += 4) h = rotate(h + word(p) * P3, 17) * P4;
    for (; p < end; p++) h = rotate(h + *p * P5, 11) * P1;
    h = (h ^ h >> 15) * P2;
    h = (h ^ h >> 13) * P3;
    return h ^ h >> 16;
}

static uint32_t hash(uint32_t i, uint32_t j, uint32_t seed) {
    unsigned char key[8];
    for (int n = 0; n < 4; n++) { key[n] = (unsigned char)(i >> 8 * n); key[4 + n] = (unsigned char)(j >> 8 * n); }
    return xxh32(key, 8, seed);
}

static uint32_t derive(uint32_t seed, uint32_t n) { return hash(seed, n, 0); }

/* ---------------------------------------------------------------- sections 2 and 8: bucket and sign */

enum { XXHASH, AUTHORS, AUTHORS_BIAS, PYTORCH, PYTORCH_BIAS, KERAS, FOLD, CHUNK, TILE, KINDS };
static const char *kind_names[KINDS] = {"xxhash",           "authors2015", "authors2015_bias", "pytorch2019",
                                        "pytorch2019_bias", "keras",       "fold",             "chunk",
                                        "tile"};
static const uint32_t kind_seeds[KINDS] = {0, 1691, 1691, 2, 2, 2, 0, 0, 0};

static int is_text(int kind) { return kind >= AUTHORS && kind <= KERAS; }

static int read_kind(const node *v) {
    for (int kind = 0; kind < KINDS; kind++) if (is(v, kind_names[kind])) return kind;
    refuse();
    return -1;
}

static uint32_t read_buckets(const node *v) {
    demand(number(v) >= 1 && number(v) <= 2147483647.0);
    return (uint32_t)number(v);
}

static void write_key(char *key, int kind, uint64_t i, uint64_t j, int sign) {
    unsigned long long r = i + 1, c = j + 1, x = i, y = j;
    switch (kind) {
    case AUTHORS:
        sprintf(key, "%llu%llu%llu_%llu%llu%llu%s", r, r + 1, r + 2, c, c + 1, c + 2, sign ? "xi_W" : "idxW");
        break;
    case AUTHORS_BIAS: sprintf(key, "%llu%llu%llu_123%s", r, r + 1, r + 2, sign ? "xi_B" : "idxB"); break;
    case PYTORCH: sprintf(key, "%llu_%llu%s", x, y, sign ? "xiW" : "idxW"); break;
    case PYTORCH_BIAS: sprintf(key, "%llu_0%s", x, sign ? "xiB" : "idxB"); break;
    default: sprintf(key, "%llu_%llu", y, x);
    }
}

typedef struct { int kind; long rows, cols; uint32_t buckets, seed, size; } map;

static uint32_t read_size(int kind, const node *v) { /* of the pieces of chunk and tile */
    if (kind != CHUNK && kind != TILE) return 0;
    if (is_null(v)) return kind == CHUNK ? 16 : 32;
    demand(number(v) >= 1 && number(v) <= 32768);
    return (uint32_t)number(v);
}

static uint32_t look_up_piece(const map *m, uint32_t i, uint32_t j, int *sign) { /* section 8b */
    uint64_t K = m->buckets, g = (uint64_t)i * (uint64_t)m->cols + j, q = g / K;
    if (m->kind == FOLD) {
        *sign = hash(i, j, m->seed) & 1 ? -1 : 1;
        return (uint32_t)((g % K + (hash((uint32_t)(q >> 32), (uint32_t)q, m->seed) >> 1)) % K);
    }
    uint32_t height = m->kind == TILE ? m->size : 1, h = hash(i / height, j / m->size, m->seed);
    *sign = h & 1 ? -1 : 1;
    return (uint32_t)(((uint64_t)(h >> 1) + (uint64_t)(i % height) * m->size + j % m->size) % K);
}

static uint32_t look_up(const map *m, uint32_t i, uint32_t j, int *sign) {
    if (m->kind == XXHASH) {
        uint32_t x = hash(i, j, m->seed);
        *sign = x & 1 ? -1 : 1;
        return (x >> 1) % m->buckets;
    }
    if (!is_text(m->kind)) return look_up_piece(m, i, j, sign);
    char key[80];
    *sign = 1;
    if (m->kind != KERAS) {
        write_key(key, m->kind, i, j, 1);
        *sign = xxh32((unsigned char *)key, strlen(key), m->seed) & 1 ? 1 : -1;
    }
    write_key(key, m->kind, i, j, 0);
    return xxh32((unsigned char *)key, strlen(key), m->seed) % m->buckets;
}

/* ---------------------------------------------------------------- section 3: the number of buckets, exactly */

static int tiny; /* 1e-40: less than one bucket, whatever the layer */

static int read_decimal(const char **p, wide *top, wide *bottom) { /* 12, 0.5, 1e-3 as a fraction; 1: digits alone */
    int digits = 0, point = 0, minus = 0, places = 0, scientific = 0;
    long exponent = 0;
    *top = 0;
    *bottom = 1;
    if (**p == '-') refuse();
    for (; (**p >= '0' && **p <= '9') || (**p == '.' && !point); ++*p) {
        if (**p == '.') { point = 1; continue; }
        *top = *top * 10 + (wide)(**p - '0');
        *bottom *= point ? 10 : 1;
        demand(++digits <= 30);
    }
    demand(digits > 0);
    if (**p == 'e' || **p == 'E') {
        ++*p;
        if (**p == '-' || **p == '+') minus = *(*p)++ == '-';
        scientific = 1;
        for (; **p >= '0' && **p <= '9'; ++*p, places++) exponent = exponent * 10 + **p - '0';
        demand(places >= 1 && places <= 3 && (minus || exponent <= 18));
        tiny = minus && exponent > 18;
        if (tiny) exponent = 18;
        while (exponent--) { if (minus) *bottom *= 10; else *top *= 10; }
    }
    return !point && !scientific;
}

static double bucket_count(const node *compression, wide n) {
    const char *p = compression->text, *end = p + compression->length;
    wide top, bottom, below, one;
    demand(compression->type == '0' || compression->type == '"');
    tiny = 0;
    int whole = read_decimal(&p, &top, &bottom);
    if (*p == '/') {
        p++;
        demand(whole && read_decimal(&p, &below, &one));
        bottom *= below;
    }
    if (tiny) { demand(p == end && top > 0); return 1; }
    demand(p == end && bottom > 0 && top > 0 && top <= bottom);
    wide K = (top * n + bottom - 1) / bottom;
    return K ? (double)K : 1;
}

/* ---------------------------------------------------------------- sections 5 and 6: the layer */

enum { NONE, COLUMN, HASHED, DENSE };
typedef struct { long n_in, n_out; int bias; map weights, biases; array w, b; } layer;

static int read_bias(const node *v) {
    if (is_null(v)) return NONE;
    if (is(v, "column")) return COLUMN;
    if (is(v, "hashed")) return HASHED;
    demand(is(v, "dense"));
    return DENSE;
}

static layer read_layer(const node *v, const node *w, const node *b, uint32_t seed) {
    layer l = {0};
    l.n_in = (long)number(find(v, "n_in"));
    l.n_out = (long)number(find(v, "n_out"));
    demand(l.n_in >= 1 && l.n_out >= 1);
    l.bias = read_bias(find(v, "bias"));
    l.weights.kind = read_kind(find(v, "kind"));
    demand(!is_text(l.weights.kind) || (l.bias != COLUMN && (l.bias != HASHED || l.weights.kind != KERAS)));
    l.weights.rows = l.n_out;
    l.weights.cols = l.n_in + (l.bias == COLUMN);
    l.weights.buckets = read_buckets(find(v, "buckets"));
    l.weights.seed = seed;
    l.weights.size = read_size(l.weights.kind, find(v, "size"));
    if (w) { l.w = read_array(w); demand(l.w.dims == 1 && l.w.cols == l.weights.buckets); }
    if (l.bias == HASHED) {
        l.biases.kind = is_text(l.weights.kind) ? l.weights.kind + 1 : l.weights.kind;
        l.biases.size = l.weights.size;
        l.biases.rows = l.n_out;
        l.biases.cols = 1;
        l.biases.buckets = read_buckets(find(v, "bias_buckets"));
        l.biases.seed = is_text(l.weights.kind) ? seed : derive(seed, 0xFFFFFFFFu);
    }
    demand(is_null(b) == (l.bias == NONE || l.bias == COLUMN) || (w && !b));
    if (!is_null(b)) {
        l.b = read_array(b);
        demand(l.b.dims == 1 && l.b.cols == (l.bias == HASHED ? (long)l.biases.buckets : l.n_out));
    }
    return l;
}

static array gather(const map *m, const array *w) {
    array V = make(2, m->rows, m->cols);
    int sign;
    for (long i = 0; i < m->rows; i++)
        for (long j = 0; j < m->cols; j++) {
            uint32_t k = look_up(m, (uint32_t)i, (uint32_t)j, &sign);
            V.x[i * m->cols + j] = w->x[k] * sign;
        }
    return V;
}

static array scatter_add(const map *m, const array *dV) {
    array dw = make(1, 1, m->buckets);
    int sign;
    for (long i = 0; i < m->rows; i++)
        for (long j = 0; j < m->cols; j++) {
            double g = dV->x[i * m->cols + j];
            if (g == 0) continue;
            uint32_t k = look_up(m, (uint32_t)i, (uint32_t)j, &sign);
            dw.x[k] += g * sign;
        }
    return dw;
}

static array with_ones(const layer *l, array a) {
    if (l->bias != COLUMN) return a;
    array b = make(2, a.rows, a.cols + 1);
    for (long n = 0; n < a.rows; n++) {
        b.x[n * b.cols] = 1;
        memcpy(b.x + n * b.cols + 1, a.x + n * a.cols, (size_t)a.cols * sizeof(double));
    }
    return b;
}

static array forward(const layer *l, array a) {
    array V = gather(&l->weights, &l->w), beta = {0}, z = make(2, a.rows, l->n_out);
    if (l->bias == HASHED) beta = gather(&l->biases, &l->b);
    if (l->bias == DENSE) beta = l->b;
    a = with_ones(l, a);
    for (long n = 0; n < a.rows; n++)
        for (long i = 0; i < l->n_out; i++) {
            double sum = beta.x ? beta.x[i] : 0;
            for (long j = 0; j < a.cols; j++) sum += V.x[i * a.cols + j] * a.x[n * a.cols + j];
            z.x[n * l->n_out + i] = sum;
        }
    return z;
}

typedef struct { array dw, db, da; } gradients;

static gradients backward(const layer *l, array a, array dz) {
    gradients g = {0};
    array V = gather(&l->weights, &l->w), ones = with_ones(l, a), dV = make(2, l->n_out, l->weights.cols);
    array sums = make(2, l->n_out, 1);
    long first = l->bias == COLUMN;
    g.da = make(2, a.rows, l->n_in);
    for (long n = 0; n < a.rows; n++)
        for (long i = 0; i < l->n_out; i++) {
            double d = dz.x[n * l->n_out + i];
            sums.x[i] += d;
            for (long j = 0; j < ones.cols; j++) {
                dV.x[i * ones.cols + j] += d * ones.x[n * ones.cols + j];
                if (j >= first) g.da.x[n * l->n_in + j - first] += d * V.x[i * ones.cols + j];
            }
        }
    g.dw = scatter_add(&l->weights, &dV);
    if (l->bias == HASHED) g.db = scatter_add(&l->biases, &sums);
    if (l->bias == DENSE) { g.db = sums; g.db.dims = 1; g.db.rows = 1; g.db.cols = l->n_out; }
    return g;
}

/* ---------------------------------------------------------------- comparing and reporting */

static int wrong;

static void compare(const char *name, const node *expected, array found, double tolerance);

static void compare_sums(const char *name, const node *expected, array found, double tolerance) { /* section 10 */
    const node *shape = find(expected, "shape")->first;
    long size = found.rows * found.cols, columns = shape->next ? found.cols : 64, rows = (size + columns - 1) / columns;
    array by_row = make(1, 1, rows), by_column = make(1, 1, columns);
    if (shape->next ? number(shape) != found.rows || number(shape->next) != found.cols : number(shape) != size) {
        printf("    %s: wrong shape\n", name);
        wrong++;
        return;
    }
    for (long n = 0; n < size; n++) {
        by_row.x[n / columns] += (1 + n % columns % 5) * found.x[n];
        by_column.x[n % columns] += (1 + n / columns % 5) * found.x[n];
    }
    compare(name, find(expected, "row_sums"), by_row, tolerance);
    compare(name, find(expected, "column_sums"), by_column, tolerance);
}

static void compare(const char *name, const node *expected, array found, double tolerance) {
    if (is_null(expected)) { wrong += found.x != NULL && found.rows * found.cols > 0; return; }
    if (!found.x) { wrong++; return; }
    if (expected->type == '{' && find(expected, "row_sums")) { compare_sums(name, expected, found, tolerance); return; }
    array e = expected->type == '0' ? make(0, 1, 1) : read_array(expected);
    if (expected->type == '0') e.x[0] = number(expected);
    const node *rest = expected->type == '{' ? find(expected, "rest") : NULL;
    double largest = 0;
    long n, size = e.rows * e.cols;
    if (found.rows * found.cols != size || (size && e.dims == 2 && (found.rows != e.rows || found.cols != e.cols))) {
        printf("    %s has another shape\n", name);
        wrong++;
        return;
    }
    if (rest && rest->type == '"') { /* only the entries that are listed count */
        for (node *v = find(expected, "at")->first; v; v = v->next) {
            long i = (long)number(v->first), j = (long)number(v->first->next);
            largest = fmax(largest, fabs(e.x[i * e.cols + j]));
        }
        for (node *v = find(expected, "at")->first; v; v = v->next) {
            n = (long)number(v->first) * e.cols + (long)number(v->first->next);
            if (!(fabs(found.x[n] - e.x[n]) <= tolerance * largest)) { wrong++; return; }
        }
        return;
    }
    for (n = 0; n < size; n++) largest = fmax(largest, fabs(e.x[n]));
    for (n = 0; n < size; n++)
        if (!(fabs(found.x[n] - e.x[n]) <= tolerance * largest)) {
            printf("    %s, entry %ld: expected %.17g, found %.17g\n", name, n, e.x[n], found.x[n]);
            wrong++;
            return;
        }
}

static void compare_one(const char *name, const node *expected, double found) {
    array a = make(0, 1, 1);
    a.x[0] = found;
    compare(name, expected, a, 0);
}

/* ---------------------------------------------------------------- section 10: the operations */

static void do_hash(const node *in, const node *out) {
    array i = read_array(find(in, "i")), found = make(1, 1, i.cols);
    uint32_t seed = uint32(find(in, "seed"));
    node *a = find(in, "i")->first, *b = find(in, "j")->first;
    for (long n = 0; a; a = a->next, b = b->next) found.x[n++] = hash(uint32(a), uint32(b), seed);
    if (out) compare("hash", find(out, "hash"), found, 0);
}

static void do_hash_text(const node *in, const node *out) {
    array found = make(1, 1, count(find(in, "texts")));
    uint32_t seed = uint32(find(in, "seed"));
    long n = 0;
    for (node *v = find(in, "texts")->first; v; v = v->next)
        found.x[n++] = xxh32((const unsigned char *)v->text, (size_t)v->length, seed);
    if (out) compare("hash", find(out, "hash"), found, 0);
}

static void do_bucket_sign(const node *in, const node *out) {
    map m = {read_kind(find(in, "kind")), 0, 0, read_buckets(find(in, "buckets")), uint32(find(in, "seed")), 0};
    long n = 0;
    m.size = read_size(m.kind, find(in, "size"));
    if (m.kind >= FOLD) { m.rows = (long)number(find(in, "n_out")); m.cols = (long)number(find(in, "n_cols")); }
    array bucket = make(1, 1, count(find(in, "i"))), sign = make(1, 1, bucket.cols);
    for (node *i = find(in, "i")->first, *j = find(in, "j")->first; i; i = i->next, j = j->next, n++) {
        int s;
        demand(!m.rows || ((long)uint32(i) < m.rows && (long)uint32(j) < m.cols));
        bucket.x[n] = look_up(&m, uint32(i), uint32(j), &s);
        sign.x[n] = s;
    }
    if (out) { compare("bucket", find(out, "bucket"), bucket, 0); compare("sign", find(out, "sign"), sign, 0); }
}

static void do_bucket_counts(const node *in, const node *out) {
    int bias = read_bias(find(in, "bias"));
    wide n_in = (wide)number(find(in, "n_in")), n_out = (wide)number(find(in, "n_out"));
    double K = bucket_count(find(in, "compression"), n_out * (n_in + (bias == COLUMN)));
    double K_b = bias == HASHED ? bucket_count(find(in, "compression"), n_out) : 0;
    if (!out) return;
    compare_one("buckets", find(out, "buckets"), K);
    compare_one("bias_buckets", find(out, "bias_buckets"), K_b);
}

static void do_derive_seed(const node *in, const node *out) {
    array found = make(1, 1, count(find(in, "n")));
    long n = 0;
    for (node *v = find(in, "n")->first; v; v = v->next) found.x[n++] = derive(uint32(find(in, "seed")), uint32(v));
    if (out) compare("seed", find(out, "seed"), found, 0);
}

static layer layer_of(const node *in) {
    return read_layer(find(in, "layer"), find(in, "w"), find(in, "b"), uint32(find(find(in, "layer"), "seed")));
}

static void do_gather(const node *in, const node *out, double tolerance) {
    layer l = layer_of(in);
    array V = gather(&l.weights, &l.w);
    if (out) compare("V", find(out, "V"), V, tolerance);
}

static void do_scatter_add(const node *in, const node *out, double tolerance) {
    layer l = layer_of(in);
    array dV = read_matrix(find(in, "dV"), l.n_in);
    demand(dV.rows == l.n_out);
    array dw = scatter_add(&l.weights, &dV);
    if (out) compare("dw", find(out, "dw"), dw, tolerance);
}

static void do_forward(const node *in, const node *out, double tolerance) {
    layer l = layer_of(in);
    array z = forward(&l, read_matrix(find(in, "a"), l.n_in));
    if (out) compare("z", find(out, "z"), z, tolerance);
}

static void do_backward(const node *in, const node *out, double tolerance) {
    layer l = layer_of(in);
    array a = read_matrix(find(in, "a"), l.n_in), dz = read_matrix(find(in, "dz"), l.n_out);
    demand(a.rows == dz.rows);
    gradients g = backward(&l, a, dz);
    if (!out) return;
    compare("dw", find(out, "dw"), g.dw, tolerance);
    compare("db", find(out, "db"), g.db, tolerance);
    compare("da", find(out, "da"), g.da, tolerance);
}

static void multiply(array *a, const node *mask, double keep) { /* inverted dropout, and its gradient */
    array k = read_matrix(mask, a->cols);
    for (long n = 0; n < a->rows * a->cols; n++) a->x[n] *= k.x[n] / keep;
}

static array copy(array a) {
    array b = make(a.dims, a.rows, a.cols);
    memcpy(b.x, a.x, (size_t)(a.rows * a.cols) * sizeof(double));
    return b;
}

static void do_network(const node *in, const node *out, double tolerance) {
    enum { MOST = 16 };
    layer l[MOST];
    array inputs[MOST], sums[MOST], a = read_array(find(in, "x")), d = read_array(find(in, "dz"));
    const node *masks[MOST] = {0}, *v = find(in, "layers")->first, *p = find(in, "weights")->first;
    uint32_t seed = uint32(find(in, "seed"));
    double keep = 1 - number(find(in, "rate"));
    char name[16];
    int size = 0;
    if (!is_null(find(in, "masks"))) for (node *k = find(in, "masks")->first; k; k = k->next) masks[size++] = k;
    for (size = 0; v; v = v->next, p = p->next, size++) {
        int kind = read_kind(find(v, "kind"));
        uint32_t layer_seed = is_text(kind) ? kind_seeds[kind] : derive(seed, (uint32_t)size);
        l[size] = read_layer(v, find(p, "w"), find(p, "b"), layer_seed);
        a = copy(a);
        if (size) for (long n = 0; n < a.rows * a.cols; n++) a.x[n] = fmax(a.x[n], 0);
        if (masks[size]) multiply(&a, masks[size], keep);
        inputs[size] = a;
        a = sums[size] = forward(&l[size], a);
    }
    compare("z", find(out, "z"), a, tolerance);
    while (size--) {
        gradients g = backward(&l[size], inputs[size], d);
        sprintf(name, "dw%d", size);
        compare(name, find(out, name), g.dw, tolerance);
        sprintf(name, "db%d", size);
        compare(name, find(out, name), g.db, tolerance);
        d = g.da;
        if (masks[size]) multiply(&d, masks[size], keep);
        if (size) for (long n = 0; n < d.rows * d.cols; n++) d.x[n] *= sums[size - 1].x[n] > 0;
    }
    compare("dx", find(out, "dx"), d, tolerance);
}

static void log_softmax(const double *z, long classes, double temperature, double *out) {
    double top = z[0], sum = 0;
    for (long c = 0; c < classes; c++) top = fmax(top, z[c]);
    for (long c = 0; c < classes; c++) sum += exp((z[c] - top) / temperature);
    for (long c = 0; c < classes; c++) out[c] = (z[c] - top) / temperature - log(sum);
}

static void do_loss(const node *in, const node *out, double tolerance) {
    array z = read_array(find(in, "z")), y = read_array(find(in, "y"));
    array dz = make(2, z.rows, z.cols), loss = make(0, 1, 1);
    array q = {0}, hard = make(1, 1, z.cols), soft = make(1, 1, z.cols);
    double T = number(find(in, "temperature")), m = number(find(in, "mix"));
    if (is_null(find(in, "soft"))) m = 0; else q = read_array(find(in, "soft"));
    demand(y.cols == z.rows);
    for (long n = 0; n < z.rows; n++) {
        long label = (long)y.x[n];
        demand(label >= 0 && label < z.cols);
        log_softmax(z.x + n * z.cols, z.cols, 1, hard.x);
        log_softmax(z.x + n * z.cols, z.cols, T, soft.x);
        loss.x[0] -= (1 - m) * hard.x[label] / z.rows;
        for (long c = 0; c < z.cols; c++) {
            double d = (1 - m) * (exp(hard.x[c]) - (c == label));
            if (q.x) {
                d += m * T * (exp(soft.x[c]) - q.x[n * z.cols + c]);
                loss.x[0] -= m * T * T * q.x[n * z.cols + c] * soft.x[c] / z.rows;
            }
            dz.x[n * z.cols + c] = d / z.rows;
        }
    }
    if (out) { compare("loss", find(out, "loss"), loss, tolerance); compare("dz", find(out, "dz"), dz, tolerance); }
}

static void do_stored_bytes(const node *in, const node *out, int single) {
    layer l = layer_of(in);
    FILE *file = tmpfile();
    if (!file) { fprintf(stderr, "no temporary file\n"); exit(2); }
    fprintf(file, "%ld %ld %d %u %u ", l.n_in, l.n_out, l.weights.kind, l.weights.buckets, l.weights.seed);
    fprintf(file, "%d %u\n", l.bias, l.biases.buckets);
    const array *both[2] = {&l.w, &l.b};
    for (int p = 0; p < 2; p++)
        for (long n = 0; both[p]->x && n < both[p]->cols; n++) {
            float x = (float)both[p]->x[n];
            if (single) fwrite(&x, sizeof x, 1, file); else fwrite(&both[p]->x[n], sizeof(double), 1, file);
        }
    double size = (double)ftell(file);
    fclose(file);
    if (size < number(find(out, "min_bytes")) || size > number(find(out, "max_bytes"))) wrong++;
}

static void update(array *w, array g, array *v, const node *step) { /* section 7 */
    double lr = number(find(step, "lr")), mu = number(find(step, "momentum")), wd = number(find(step, "weight_decay"));
    if (!w->x) return;
    if (!v->x) *v = make(1, 1, w->cols);
    *w = copy(*w);
    for (long k = 0; k < w->cols; k++) {
        v->x[k] = mu * v->x[k] + g.x[k] + wd * w->x[k];
        w->x[k] -= lr * v->x[k];
    }
}

static void compare_call(const char *name, int n, const node *out, array found, double tolerance) {
    char key[16];
    sprintf(key, "%s%d", name, n);
    compare(key, find(out, key), found, tolerance);
}

static void add_up(array *sum, array *g) { /* on request: what the calls before found is added, and kept for the next */
    for (long k = 0; sum->x && k < g->cols * g->rows; k++) g->x[k] += sum->x[k];
    *sum = *g;
}

static void do_script(const node *in, const node *out, double tolerance) {
    enum { MOST = 4 };
    layer l[MOST];
    array v_w[MOST] = {{0}}, v_b[MOST] = {{0}}, sum_w[MOST] = {{0}}, sum_b[MOST] = {{0}};
    int n = 0;
    for (const node *v = find(in, "layers")->first; v; v = v->next)
        l[n++] = read_layer(v, find(v, "w"), find(v, "b"), uint32(find(v, "seed")));
    n = 0;
    for (const node *step = find(in, "steps")->first; step; step = step->next, n++) {
        const node *call = find(step, "call");
        int which = (int)number(find(step, "layer"));
        layer *one = &l[which];
        if (is(call, "set_weights")) {
            one->w = read_array(find(step, "w"));
            if (!is_null(find(step, "b"))) one->b = read_array(find(step, "b"));
            continue;
        }
        if (is(call, "gather")) { compare_call("V", n, out, gather(&one->weights, &one->w), tolerance); continue; }
        if (is(call, "scatter_add")) {
            array dV = read_matrix(find(step, "dV"), one->n_in);
            compare_call("dw", n, out, scatter_add(&one->weights, &dV), tolerance);
            continue;
        }
        array a = read_matrix(find(step, "a"), one->n_in);
        if (is(call, "forward")) { compare_call("z", n, out, forward(one, a), tolerance); continue; }
        gradients g = backward(one, a, read_matrix(find(step, "dz"), one->n_out));
        if (is(call, "backward") || is(call, "accumulate")) {
            if (is(call, "backward")) sum_w[which].x = sum_b[which].x = NULL;
            add_up(&sum_w[which], &g.dw);
            if (g.db.x) add_up(&sum_b[which], &g.db);
            compare_call("dw", n, out, g.dw, tolerance);
            compare_call("db", n, out, g.db, tolerance);
            compare_call("da", n, out, g.da, tolerance);
            continue;
        }
        update(&one->w, g.dw, &v_w[which], step);
        update(&one->b, g.db, &v_b[which], step);
        compare_call("w", n, out, one->w, tolerance);
        compare_call("b", n, out, one->b, tolerance);
    }
}

static int run(const char *operation, const node *c) { /* 0: not covered */
    const node *in = find(c, "input"), *out = find(c, "expected");
    double tolerance = number(find(c, "tolerance"));
    if (!strcmp(operation, "hash")) do_hash(in, out);
    else if (!strcmp(operation, "hash_text")) do_hash_text(in, out);
    else if (!strcmp(operation, "bucket_sign")) do_bucket_sign(in, out);
    else if (!strcmp(operation, "bucket_counts")) do_bucket_counts(in, out);
    else if (!strcmp(operation, "derive_seed")) do_derive_seed(in, out);
    else if (!strcmp(operation, "gather")) do_gather(in, out, tolerance);
    else if (!strcmp(operation, "scatter_add")) do_scatter_add(in, out, tolerance);
    else if (!strcmp(operation, "forward")) do_forward(in, out, tolerance);
    else if (!strcmp(operation, "backward")) do_backward(in, out, tolerance);
    else if (!strcmp(operation, "network")) do_network(in, out, tolerance);
    else if (!strcmp(operation, "loss")) do_loss(in, out, tolerance);
    else if (!strcmp(operation, "stored_bytes")) do_stored_bytes(in, out, is(find(c, "dtype"), "float32"));
    else if (!strcmp(operation, "script")) do_script(in, out, tolerance);
    else return 0;
    return 1;
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) { fprintf(stderr, "cannot open %s\n", path); exit(2); }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    char *text = calloc(1, (size_t)size + 1);
    rewind(file);
    if (!text || fread(text, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    return text;
}

enum { HOLDS, FAILS, NOT_COVERED };

static int judge(const char *operation, const node *c) {
    volatile int valid = is(find(c, "result"), "valid"); /* volatile: it must live through longjmp */
    wrong = 0;
    if (setjmp(refused)) return valid ? FAILS : HOLDS;
    if (!run(operation, c)) return NOT_COVERED;
    return valid && !wrong ? HOLDS : FAILS;
}

int main(int argc, char **argv) {
    int all[3] = {0, 0, 0};
    if (argc != 2) { fprintf(stderr, "usage: %s vectors.json\n", argv[0]); return 2; }
    at = read_file(argv[1]);
    node *root = read_value();
    if (floor(number(find(root, "spec_version"))) != 1) { fprintf(stderr, "this program knows version 1 only\n"); return 2; }
    for (node *group = find(root, "groups")->first; group; group = group->next) {
        const node *topic = find(group, "topic"), *op = find(group, "operation");
        char operation[32];
        int here[3] = {0, 0, 0};
        sprintf(operation, "%.*s", op->length, op->text);
        for (node *c = find(group, "cases")->first; c; c = c->next) {
            int verdict = judge(operation, c);
            here[verdict]++;
            all[verdict]++;
            free_all();
            if (verdict == FAILS) printf("    FAIL %.*s\n", find(c, "id")->length, find(c, "id")->text);
        }
        printf("%-13.*s %-13s %d hold, %d fail, %d not covered\n", topic->length, topic->text, operation, here[HOLDS],
               here[FAILS], here[NOT_COVERED]);
    }
    printf("%d hold, %d fail, %d not covered\n", all[HOLDS], all[FAILS], all[NOT_COVERED]);
    return all[HOLDS] && !all[FAILS] ? 0 : 1;
}
