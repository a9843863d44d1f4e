/* digits.c: a neural network, written by hashnets_np. 64 inputs, 10 outputs.
   1000 real weights (1000 bytes) stand for 2410 virtual weights.

   Which real weight a virtual weight uses is computed when it is needed (Eq. 8 of Chen et al., ICML 2015): there is no
   table, no malloc and no global state. Buffers on the stack: 128 bytes.

   To try it:  cc -std=c99 -O2 -DDIGITS_MAIN digits.c -o digits && ./digits test */

#include <stdint.h>

#define DIGITS_INPUTS 64
#define DIGITS_OUTPUTS 10

/* Compute the logits of one input. */
void digits_logits(const float x[DIGITS_INPUTS], float z[DIGITS_OUTPUTS]);

/* Find the class of one input: the number, from 0, of its largest logit. */
int digits_class(const float x[DIGITS_INPUTS]);

/* Compute a few inputs and compare: 0 if all agree, else the number, from 1, of the first one that doesn't.
   Only in programs compiled with -DDIGITS_SELF_TEST. */
int digits_self_test(void);

typedef int8_t weight_t;
typedef uint32_t place_t;

/* A sharing map: V is n_out x n_cols, and each of its weights is one of `buckets` real weights. `size` is that of the
   pieces of w which some kinds share whole; 0 for the others. */
typedef struct {
    uint32_t n_out, n_cols, buckets, seed, size;
} map_t;

/* XXH32 of the eight bytes of a pair of indices. Unsigned arithmetic is modulo 2^32, as the specification asks. */
static uint32_t rotate_left(uint32_t x, int bits)
{
    return (x << bits) | (x >> (32 - bits));
}

static uint32_t xxh32_pair(uint32_t i, uint32_t j, uint32_t seed)
{
    uint32_t h = seed + 374761393u + 8u;
    h = rotate_left(h + i * 3266489917u, 17) * 668265263u;
    h = rotate_left(h + j * 3266489917u, 17) * 668265263u;
    h = (h ^ (h >> 15)) * 2246822519u;
    h = (h ^ (h >> 13)) * 3266489917u;
    return h ^ (h >> 16);
}

/* Eq. 7 with kind fold: each run of K virtual weights is a rotation of w by a hashed amount. */
static float virtual_fold(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const place_t place = (place_t)i * m->n_cols + j;
    const place_t run = place / m->buckets;
    const uint32_t within = (uint32_t)(place % m->buckets);
    const uint32_t shift = xxh32_pair((uint32_t)((uint64_t)run >> 32), (uint32_t)run, m->seed) >> 1;
    const float real = (float)w[(within + shift) % m->buckets];
    return xxh32_pair(i, j, m->seed) & 1u ? -real : real;
}

/* Eq. 8: z[i] = sum over j of V[i, j] a[j]. With a bias column (Eq. 2), column 0 belongs to an input that is always 1. */
static void hashed_fold(const weight_t *w, float scale, const map_t *m, uint32_t bias_column, const float *a, float *z)
{
    for (uint32_t i = 0; i < m->n_out; i++) {
        float sum = bias_column ? virtual_fold(w, m, i, 0) : 0.0f;
        for (uint32_t j = bias_column; j < m->n_cols; j++)
            sum += virtual_fold(w, m, i, j) * a[j - bias_column];
        z[i] = scale * sum;
    }
}

/* f(z) = max(z, 0). */
static void relu(uint32_t n, const float *z, float *a)
{
    for (uint32_t i = 0; i < n; i++)
        a[i] = z[i] < 0.0f ? 0.0f : z[i];
}

static const map_t map0 = {32u, 65u, 863u, 3736311059u, 0u};

static const weight_t w0[863] = {
-62, -32, -18, -7, -1, 16, 27, 22, -18, -36, 7, 11, -42, 1, -27, 15, -17, 7, 8, 13, 7, 45, -13, 8, 28, -5, -13, -40,
4, 11, -20, -2, -25, 2, 7, -29, 0, -26, 4, 43, -64, 6, 33, 58, 6, -28, 1, 35, 69, -72, 41, -16, -56, -37, 8, -24, 17,
40, -68, 2, 5, -51, 51, -8, 30, 6, 21, 15, 63, 13, 62, 37, -9, -15, 10, -47, -116, 54, 34, 57, -8, -27, -36, -84, -56,
43, 76, 17, -9, 42, 8, 40, -24, 43, 15, -14, 4, 7, 11, -8, 84, 6, -2, -32, -31, -13, -45, 77, -77, -17, -17, -2, -3,
43, 13, -34, -21, 21, 33, 24, -20, 86, 29, -52, -3, -12, -7, 28, -9, 25, -76, 17, 73, 14, -6, 40, 5, 15, -53, 31, -20,
-18, 2, -17, -2, 4, -21, -41, -11, 19, -7, -9, -18, -14, -18, -20, 18, 24, -35, -47, 8, 15, -26, -6, 34, 31, -20, -56,
43, 24, 44, -40, 39, -20, -22, 3, -2, 40, -98, 51, -28, 42, 55, -65, -26, 21, 61, 38, -23, -19, -109, -78, 27, 13, 69,
0, -68, -46, 2, 32, -28, -9, -35, 10, 2, -58, 33, -61, -2, -2, -18, 24, -15, -16, 52, -23, 19, 1, -11, 87, 4, -66, 37,
48, -23, 17, -11, -16, 9, -21, -11, -1, 27, 34, -24, -71, -28, -41, -127, -48, 36, -5, 18, 7, 46, 40, -78, 0, -20,
-21, -4, 26, 29, -98, 37, -5, -15, -6, -2, 15, 11, -49, -63, -18, -12, 26, -18, 23, -1, 17, 39, 51, -10, -43, -7, -25,
-30, -5, -71, 44, 22, -25, -13, -8, -44, 10, -23, -16, -29, 0, -23, -27, 28, 21, -27, 56, 7, -3, -8, 16, 12, 24, 11,
-86, 11, 15, -18, -35, 15, -20, -9, -41, 44, -50, -26, -25, 9, -36, -56, 103, -2, -2, -19, 22, 69, -58, 43, -3, 39,
-41, -3, 1, -14, -34, 62, -56, 10, 6, 23, -24, -11, 4, 4, 69, 29, -77, -1, -25, 31, 6, -41, -3, -18, -4, -2, -15, -15,
6, 15, 27, -13, 46, -21, -17, -26, -8, -6, -31, -8, 11, -9, -46, 33, 28, -29, -21, 36, 20, 47, -55, -43, -31, -13, 17,
28, -55, 16, -41, -34, 18, 22, 26, 38, -19, 39, 60, 65, -28, 9, -12, -5, 12, 26, 80, -53, 11, -16, 30, 37, 2, -3, 86,
-16, -58, 17, 22, 2, 8, 85, 56, -57, 32, 8, -30, 7, 36, -20, -19, 41, -38, 48, -39, 14, 5, 13, 51, -38, 40, -43, -24,
13, 90, 25, 81, 17, 10, -28, 26, 60, 62, -49, 22, 18, 3, -48, -72, -11, -13, -23, 19, 0, -16, -54, 42, 13, -12, 9,
-31, -58, -16, -105, -28, 2, 36, -15, -20, -100, -17, -55, 35, 13, 30, -21, -33, -49, -61, -14, 30, 22, -1, -31, 22,
-13, -56, 80, -6, 0, 8, -11, -15, 21, 31, 22, 9, 44, 15, 4, 16, 37, 5, 21, -38, -22, 4, -1, -14, 70, 12, -75, -34, 0,
-27, -23, 17, 11, 17, 41, 22, -5, 17, 16, 4, -16, 47, -9, 18, -23, 5, -22, -24, -24, 20, 32, 25, 29, -16, 9, -2, 45,
-32, 16, 15, -1, 1, -12, 3, -8, -39, 16, -11, -31, -2, -6, 31, -42, 26, 23, 16, 25, -25, 17, 8, 25, -31, -14, 49, 3,
-28, -2, -25, 32, 13, -15, 7, 9, -30, -6, -1, 10, 19, -84, -21, -8, -19, 1, 9, -20, -7, -5, 36, -4, -21, -13, 42, -19,
46, 13, 7, -49, -17, -2, -8, 4, -110, 90, -43, -5, -50, -5, 33, 48, 24, 63, -35, -49, -19, 3, -24, -5, 42, -33, -13,
67, 18, 29, 13, 28, 3, 19, 2, -17, 19, -17, -13, -17, -39, 5, -30, -20, 27, -2, -11, 25, 6, 24, -15, 16, -22, -10, 23,
3, 21, 42, -32, -25, 10, -6, 29, 2, -1, -5, 7, 9, -21, -14, 20, 11, 0, -6, 26, -4, -29, 24, 9, 9, -11, 30, -2, -3, -1,
-16, -36, -31, 27, 22, -2, -3, 23, 5, -13, 38, 2, -43, -29, 0, 15, 1, -1, 3, -2, -26, -29, 24, -30, -15, -49, 10, 18,
13, 14, 25, 29, -7, -3, 28, 4, -30, -5, 23, -62, 38, -17, 8, -6, -15, -44, -36, -25, -6, 2, -29, 32, -16, 14, 1, -20,
9, -4, 0, -11, 5, 1, 41, -36, 74, 12, 5, 74, 28, -5, -41, -5, 14, -11, 57, 44, 33, -40, 9, -20, 20, 16, -63, 39, -55,
3, 49, -2, -13, 33, -20, 18, -73, 59, 1, 18, -32, -46, -33, 30, 50, 84, -54, 23, 50, -20, -29, -25, -45, 38, -47, 58,
23, 42, -25, -64, 35, 15, -33, 24, 14, -10, 12, 29, -17, -29, 25, -2, -10, -24, 25, -19, 6, -24, 13, -23, 26, 11, -6,
-5, 11, 62, -57, -15, 0, 7, 1, 8, 73, 27, -3, 81, 40, -6, -17, 12, 14, 65, 79, -7, 51, 2, 12, -5, -20, 10, -47, 4,
-14, 53, -45, -52, 45
};

static const map_t map2 = {10u, 33u, 137u, 3658090324u, 0u};

static const weight_t w2[137] = {
32, 13, -15, 17, -119, 68, -61, -11, -28, -30, 12, 22, 21, -2, 44, 49, -103, -56, -1, -49, 10, 61, 22, -5, 56, -69,
-26, 34, 82, -18, 40, -2, -1, 41, 97, 55, -42, 29, 24, 104, -42, 20, 2, 33, 104, 25, 5, 50, 46, -2, 22, -37, 42, 1,
-31, 3, -59, -58, -33, -83, -50, 50, 39, 28, -12, 15, -76, 11, -53, -14, 55, 83, 94, -28, 18, 11, -9, 54, -23, -31,
18, 21, 52, -37, -15, -6, 56, 80, 36, 22, 3, 11, -66, 50, 99, -50, 40, -31, -59, 43, -41, 2, -8, 5, -72, -63, 47, -11,
54, -117, -26, -85, -127, 93, -3, -64, 16, -41, -64, -3, 63, 7, 82, -54, -28, -62, -6, 37, 0, -20, -64, -64, 82, 39,
24, 40, 25
};

void digits_logits(const float x[DIGITS_INPUTS], float z[DIGITS_OUTPUTS])
{
    float even[32];
    hashed_fold(w0, 0.009370256f, &map0, 1u, x, even);
    relu(32u, even, even);
    hashed_fold(w2, 0.013225903f, &map2, 1u, even, z);
}

int digits_class(const float x[DIGITS_INPUTS])
{
    float z[DIGITS_OUTPUTS];
    int best = 0;
    digits_logits(x, z);
    for (int i = 1; i < DIGITS_OUTPUTS; i++)
        if (z[i] > z[best])
            best = i;
    return best;
}

#if defined(DIGITS_SELF_TEST) || defined(DIGITS_MAIN)
/* Inputs and the logits that the Python network gave for them. */
static const float digits_test_inputs[10][DIGITS_INPUTS] = {
{0.0f, 0.0f, 0.8125f, 0.875f, 0.75f, 0.9375f, 0.25f, 0.0f, 0.0f, 0.0f, 1.0f, 0.3125f, 0.3125f, 1.0f, 0.3125f, 0.0f,
0.0f, 0.0f, 0.8125f, 0.4375f, 0.9375f, 0.25f, 0.0f, 0.0f, 0.0f, 0.0f, 0.6875f, 1.0f, 0.125f, 0.0f, 0.0f, 0.0f, 0.0f,
0.125f, 0.8125f, 0.625f, 0.375f, 0.0f, 0.0f, 0.0f, 0.0f, 0.5f, 0.3125f, 0.0625f, 0.9375f, 0.0f, 0.0f, 0.0f, 0.0f,
0.3125f, 0.5f, 0.0625f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0625f, 0.625f, 1.0f, 0.5f, 0.0f, 0.0f, 0.0f},
{0.0f, 0.0f, 0.0f, 0.1875f, 1.0f, 0.125f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.75f, 0.75f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f,
0.3125f, 1.0f, 0.125f, 0.3125f, 0.75f, 0.0f, 0.0f, 0.1875f, 0.9375f, 0.5f, 0.0f, 0.6875f, 0.8125f, 0.0f, 0.0f,
0.5625f, 1.0f, 0.25f, 0.4375f, 1.0f, 0.5f, 0.0f, 0.0f, 0.5625f, 1.0f, 1.0f, 1.0f, 1.0f, 0.125f, 0.0f, 0.0f, 0.0f,
0.0f, 0.0f, 0.8125f, 0.75f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0625f, 1.0f, 0.5625f, 0.0f, 0.0f},
{0.0f, 0.0f, 0.4375f, 1.0f, 0.8125f, 0.25f, 0.0f, 0.0f, 0.0f, 0.0f, 0.4375f, 1.0f, 1.0f, 0.5625f, 0.0f, 0.0f, 0.0f,
0.0f, 0.0625f, 1.0f, 1.0f, 0.5625f, 0.0f, 0.0f, 0.0f, 0.0f, 0.1875f, 1.0f, 1.0f, 0.5625f, 0.0f, 0.0f, 0.0f, 0.0f,
0.5f, 1.0f, 1.0f, 0.5f, 0.0f, 0.0f, 0.0f, 0.0f, 0.625f, 1.0f, 1.0f, 0.25f, 0.0f, 0.0f, 0.0f, 0.0f, 0.5625f, 1.0f,
0.875f, 0.0625f, 0.0f, 0.0f, 0.0f, 0.0f, 0.25f, 0.75f, 0.875f, 0.5f, 0.0f, 0.0f},
{0.0f, 0.0f, 0.75f, 1.0f, 1.0f, 0.75f, 0.0f, 0.0f, 0.0f, 0.0f, 0.375f, 0.25f, 0.625f, 0.8125f, 0.0625f, 0.0f, 0.0f,
0.0f, 0.0f, 0.0f, 0.8125f, 0.5625f, 0.0f, 0.0f, 0.0f, 0.0f, 0.3125f, 0.5625f, 1.0f, 1.0f, 0.75f, 0.0f, 0.0f, 0.1875f,
1.0f, 1.0f, 0.6875f, 0.1875f, 0.0f, 0.0f, 0.0f, 0.0f, 0.4375f, 0.8125f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.6875f,
0.5f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.1875f, 0.0f, 0.0f, 0.0f, 0.0f},
{0.0f, 0.0625f, 0.5625f, 0.75f, 1.0f, 1.0f, 0.25f, 0.0f, 0.0f, 0.0625f, 0.6875f, 0.5f, 0.4375f, 1.0f, 0.25f, 0.0f,
0.0f, 0.0f, 0.0f, 0.0f, 0.5f, 0.8125f, 0.0f, 0.0f, 0.0f, 0.0f, 0.3125f, 0.6875f, 0.9375f, 0.9375f, 0.5625f, 0.0f,
0.0f, 0.0f, 1.0f, 0.9375f, 0.8125f, 0.3125f, 0.125f, 0.0f, 0.0f, 0.0f, 0.125f, 1.0f, 0.3125f, 0.0f, 0.0f, 0.0f, 0.0f,
0.0f, 0.5625f, 0.875f, 0.0625f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.875f, 0.625f, 0.0f, 0.0f, 0.0f, 0.0f},
{0.0f, 0.125f, 0.625f, 0.9375f, 1.0f, 1.0f, 0.875f, 0.0f, 0.0f, 0.4375f, 0.6875f, 0.25f, 0.375f, 0.9375f, 0.5625f,
0.0f, 0.0f, 0.0f, 0.0f, 0.375f, 0.9375f, 0.75f, 0.0f, 0.0f, 0.0f, 0.0f, 0.1875f, 1.0f, 0.5625f, 0.0f, 0.0f, 0.0f,
0.0f, 0.0f, 0.3125f, 1.0f, 0.5f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.6875f, 0.9375f, 0.125f, 0.0f, 0.0f, 0.0f, 0.0f,
0.0625f, 0.375f, 1.0f, 0.125f, 0.0f, 0.0f, 0.0f, 0.0625f, 1.0f, 1.0f, 0.375f, 0.0f, 0.0f, 0.0f},
{0.0f, 0.0f, 0.125f, 0.75f, 1.0f, 1.0f, 0.4375f, 0.0f, 0.0f, 0.0f, 0.625f, 0.8125f, 0.4375f, 0.5f, 0.1875f, 0.0f, 0.0f,
0.125f, 0.9375f, 0.375f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.6875f, 0.875f, 0.4375f, 0.3125f, 0.0625f, 0.0f, 0.0f, 0.0f,
0.3125f, 1.0f, 1.0f, 1.0f, 0.9375f, 0.375f, 0.0f, 0.0f, 0.0f, 0.25f, 0.25f, 0.25f, 0.875f, 0.5f, 0.0f, 0.0f, 0.0f,
0.0f, 0.25f, 0.4375f, 0.875f, 0.3125f, 0.0f, 0.0f, 0.0f, 0.125f, 0.9375f, 0.9375f, 0.3125f, 0.0f, 0.0f},
{0.0f, 0.0f, 0.0f, 0.25f, 0.9375f, 0.75f, 0.0f, 0.0f, 0.0f, 0.0f, 0.3125f, 0.9375f, 1.0f, 0.6875f, 0.0f, 0.0f, 0.0f,
0.5f, 1.0f, 1.0f, 1.0f, 0.25f, 0.0f, 0.0f, 0.0f, 0.875f, 0.6875f, 0.6875f, 1.0f, 0.125f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f,
0.4375f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.5625f, 1.0f, 0.125f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.5625f, 1.0f,
0.1875f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.3125f, 1.0f, 0.3125f, 0.0f, 0.0f},
{0.0f, 0.125f, 0.5f, 0.9375f, 1.0f, 0.625f, 0.0f, 0.0f, 0.0f, 0.6875f, 1.0f, 0.625f, 0.25f, 0.9375f, 0.0625f, 0.0f,
0.0f, 0.75f, 0.8125f, 0.0f, 0.0f, 0.8125f, 0.3125f, 0.0f, 0.0f, 0.6875f, 0.8125f, 0.0f, 0.0f, 0.9375f, 0.4375f, 0.0f,
0.0f, 0.5f, 1.0f, 0.0f, 0.0f, 0.9375f, 0.375f, 0.0f, 0.0f, 0.375f, 1.0f, 0.0625f, 0.3125f, 1.0f, 0.125f, 0.0f, 0.0f,
0.125f, 1.0f, 0.375f, 0.9375f, 0.75f, 0.0f, 0.0f, 0.0f, 0.0f, 0.4375f, 1.0f, 0.875f, 0.0625f, 0.0f, 0.0f},
{0.0f, 0.0f, 0.5f, 0.9375f, 1.0f, 0.6875f, 0.0f, 0.0f, 0.0f, 0.125f, 1.0f, 0.625f, 0.25f, 0.875f, 0.25f, 0.0f, 0.0f,
0.375f, 1.0f, 0.125f, 0.0f, 0.5f, 0.5f, 0.0f, 0.0f, 0.625f, 0.75f, 0.0f, 0.0f, 0.6875f, 0.375f, 0.0f, 0.0f, 0.5625f,
0.6875f, 0.0f, 0.0f, 0.9375f, 0.375f, 0.0f, 0.0f, 0.5f, 0.75f, 0.0f, 0.4375f, 0.9375f, 0.0625f, 0.0f, 0.0f, 0.125f,
0.9375f, 0.4375f, 0.9375f, 0.5625f, 0.0f, 0.0f, 0.0f, 0.0f, 0.625f, 1.0f, 0.75f, 0.0625f, 0.0f, 0.0f}
};
static const float digits_test_logits[10][DIGITS_OUTPUTS] = {
{-2.542142f, 2.3496134f, -3.7553473f, -1.4268074f, -5.2119327f, 7.4588456f, -6.1617727f, -1.6000596f, 0.555259f,
-2.7629447f},
{1.3584261f, 4.5298615f, -5.974665f, -14.047702f, 16.669724f, -3.0904336f, 9.002361f, -1.6050248f, 0.8121674f,
-14.031158f},
{-10.880646f, 10.977696f, 4.469761f, -1.7193899f, 5.2160716f, -6.2221074f, -2.145733f, 4.3347588f, 6.1782236f,
-6.2521644f},
{-5.9139314f, 0.5896127f, 1.8637514f, 1.5907049f, -3.5711212f, -0.68521285f, -5.5483413f, 6.899849f, 3.3721209f,
0.6511593f},
{-5.6252975f, -0.5907906f, 0.844831f, 0.6749544f, -3.3785655f, -0.30041027f, -5.8565483f, 9.420462f, 1.2341638f,
0.8679905f},
{-8.312606f, 2.2794995f, -0.72695994f, 4.4124384f, -6.4419003f, 3.4310327f, -10.78442f, 5.7024364f, 0.9393419f,
0.11533165f},
{0.040848613f, -4.256775f, -11.957645f, -2.8861852f, -1.1262515f, 6.537154f, 3.8455672f, -2.3715632f, -0.2692238f,
-7.9484434f},
{-9.123442f, 8.536165f, -0.36518443f, -0.90717614f, 3.4408596f, 1.0192678f, -4.3737946f, -1.3950329f, 3.2467494f,
-5.3063397f},
{12.506636f, -12.003893f, -1.435863f, -4.311823f, -6.1417956f, 4.624417f, -1.3807503f, -2.6310961f, -2.183991f,
-2.6066303f},
{10.858474f, -10.821175f, -2.9098349f, -3.2747447f, -5.6003995f, 7.0055394f, -2.3790467f, -1.2917522f, -3.8069243f,
-3.847782f}
};

/* Returns 0 if all logits agree to 1e-4 of the largest, else the number, from 1, of the first input where one doesn't. */
int digits_self_test(void)
{
    for (int n = 0; n < 10; n++) {
        float z[DIGITS_OUTPUTS];
        digits_logits(digits_test_inputs[n], z);
        for (int i = 0; i < DIGITS_OUTPUTS; i++) {
            const float difference = z[i] - digits_test_logits[n][i];
            if (!(difference <= 0.0016669723f && difference >= -0.0016669723f)) /* "not inside": also where z is not a number */
                return n + 1;
        }
    }
    return 0;
}
#endif

#ifdef DIGITS_MAIN
#include <stdio.h>
#include <string.h>
/* "digits test" runs the self-test; without it, rows of DIGITS_INPUTS numbers are read, and class and logits printed. */
int main(int count, char **arguments)
{
    float x[DIGITS_INPUTS];
    float z[DIGITS_OUTPUTS];
    int read = 0;
    if (count > 2 || (count == 2 && strcmp(arguments[1], "test") != 0)) {
        fprintf(stderr, "usage: %s test, or: %s < FILE with rows of %d numbers\n", arguments[0], arguments[0], DIGITS_INPUTS);
        return 2;
    }
    if (count == 2) {
        const int failed = digits_self_test();
        if (failed)
            printf("input %d of 10: the logits differ from those of the Python network\n", failed);
        else
            printf("all 10 inputs agree with the Python network\n");
        return failed ? 1 : 0;
    }
    while (scanf("%f", &x[read]) == 1) {
        if (++read < DIGITS_INPUTS)
            continue;
        read = 0;
        printf("%d", digits_class(x));
        digits_logits(x, z);
        for (int i = 0; i < DIGITS_OUTPUTS; i++)
            printf(" %.9g", (double)z[i]);
        printf("\n");
    }
    if (read || !feof(stdin)) {
        fprintf(stderr, "expected rows of %d numbers; the input ends too early or holds something else\n", DIGITS_INPUTS);
        return 2;
    }
    return 0;
}
#endif
