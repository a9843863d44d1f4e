/* digits.c: a neural network, written by hashnets_np. 64 inputs, 10 outputs.
   1000 real weights (1000 bytes) stand for 9610 virtual weights.

   Which real weight a virtual weight uses is computed when it is needed (Eq. 8 of Chen et al., ICML 2015): there is no
   table, no malloc and no global state. Buffers on the stack: 512 bytes.

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

static const map_t map0 = {128u, 65u, 750u, 3736311059u, 0u};

static const weight_t w0[750] = {
21, 30, 46, 11, 8, 35, 71, 24, 30, -21, 5, -3, -127, 4, -49, -20, -24, -58, 64, 6, 42, 70, -4, 12, 38, -63, -15, -65,
-30, -4, -4, -1, -17, 39, -12, 40, -49, 48, -4, 44, 9, 18, 9, 1, 39, -10, 2, 44, 40, -20, -3, -15, 24, -10, -7, 13,
31, 38, -20, -10, -2, 12, 72, -33, -24, -21, 29, 37, 10, -45, -16, 36, 53, -32, 59, -24, -24, 30, -17, 1, -3, -14,
-26, 3, -19, -2, -17, 68, -33, 51, -28, 69, 14, -44, 2, 0, -39, -51, -16, -9, 34, 29, -40, -11, 14, -18, -29, 12, -54,
-3, -28, 12, -7, -4, 49, 6, 28, 32, 9, 9, 11, 43, 30, -47, -23, -43, -27, -32, 1, -50, -15, 6, 13, 1, 21, 20, 10, 53,
-26, 3, -11, 2, -7, 56, 7, 28, -8, -25, -4, 26, -17, -46, 40, -4, 5, -30, 30, -23, 12, -62, 47, -1, -5, 12, 28, 9, 3,
-50, 42, 56, 1, -10, 30, 16, -1, -39, -29, 36, -54, -4, -2, -12, 28, -26, -23, 35, -25, 48, 37, 27, -68, -50, 33, 31,
-39, -18, 0, -3, -34, 41, -15, 20, -22, 13, -1, 3, 21, -7, -15, 38, -25, 92, -57, 21, -16, -36, -11, 9, -59, 108, -27,
-34, -5, 37, 13, 32, 48, -6, -31, 16, -13, -3, 9, 22, -58, -61, -97, -18, -74, 4, 73, -23, -30, -12, 11, 7, -9, 44, 0,
-32, -30, 14, 64, -52, 23, 56, -16, -2, -19, 64, -3, -50, -16, 21, 11, 22, -24, -25, -27, -10, 76, 28, -8, -33, -33,
13, -51, -1, -54, 28, 5, 16, 1, -35, -16, -20, -26, -44, -35, 37, -47, -17, 9, 13, -20, 31, 12, 20, -11, 33, 55, -44,
26, -67, -18, -13, -6, 54, -71, 10, -16, -3, 22, -13, 21, 36, -13, -31, 18, 11, 11, -35, -49, 39, 47, 11, -25, -18,
19, -30, 19, -17, 36, 35, -11, -29, 11, -45, 19, -32, -33, -28, 84, 25, -21, -40, 35, 11, 8, 8, -90, 26, 1, -1, 65,
-20, -18, -9, -53, 46, -34, 74, 40, -40, 3, 32, -4, -31, -11, 33, 6, -8, -15, -17, -7, -15, 10, 7, 0, 26, -13, -89,
-13, -11, -26, -32, -33, -31, 1, -1, 50, -43, 0, -58, 2, -1, 67, 1, -8, 25, -17, 11, -12, 19, -28, 10, -17, 22, 10,
-16, -33, 46, 29, -97, -5, 10, 2, -3, -5, -50, -61, 15, 29, -2, 49, 0, -6, -46, 49, 20, 69, 15, 38, 23, -26, 8, -26,
61, 12, -59, 35, 51, -4, 44, 63, 2, -51, -30, 14, -16, -1, 23, 10, 20, 7, -15, -21, 46, 2, 17, -14, -24, -19, 8, 10,
49, -9, -18, 2, -6, -75, -14, -5, 20, 30, 33, 41, -23, -59, -13, 36, 19, 33, 1, -10, -46, -20, -14, 37, -10, 16, -12,
57, -39, 39, -16, -13, 25, -29, -25, 45, 23, -46, -15, 55, -43, 8, -15, 11, -12, -33, -1, 21, 10, -6, -32, 34, 34,
-10, -46, 20, -2, -32, 9, 42, -9, 57, -14, 16, 51, -14, 18, 6, 25, -6, -28, -60, 1, -28, -7, 1, -7, 52, 10, 8, 4, 38,
6, 41, 51, 30, 0, -11, 19, 0, -33, -18, -40, 62, -16, -49, 23, 22, 27, -20, -21, 61, 24, 29, -19, 13, 24, 53, 10, -3,
-52, -43, -38, -17, 23, 30, 2, -15, -8, -16, -17, -27, -4, -40, 40, -43, 27, 17, -57, 39, 21, 9, -5, -33, 16, -75,
-13, -17, 79, -7, 51, 23, -17, -31, -19, 48, -3, 29, -5, -46, -21, -66, -24, -19, 45, 31, -64, 75, -5, -12, -18, 18,
-11, 19, 50, -43, 11, 26, 15, 2, 81, 93, -47, 36, 7, -50, 13, -6, -66, -12, -58, 2, -33, 32, 30, -10, -7, 10, 57, -41,
-7, 58, -27, 15, 11, -33, -25, 66, -41, -38, -17, -54, 25, -42, -26, -29, -32, 63, -40, -44, 30, -6, -19, -7, -22,
-12, 18, 73, -18, -12, -9, 31, 24, 44, 5, -30, -37, 16, -7, 28, -39, -9, 28, -6, -38, -4, -10, -73, 43, 6, -3, -26,
-22, 4, -14, 13, 9, 30, -6, -35, -56, 11, 13, 8, 15, 8, -11, 8, 59, 34, 37, -39, 9, 33, -38, 45, -4, -48, -27, -3,
-17, -16, -1, -83, -69, -42, 37, 28, -48, -5, -21, 3, -49, -8, 34
};

static const map_t map2 = {10u, 129u, 250u, 3658090324u, 0u};

static const weight_t w2[250] = {
20, 11, -51, -38, -49, 70, 39, -14, 6, 29, -26, 13, 17, 37, -5, -3, -44, 10, -14, -47, -64, -2, -26, -32, -13, -15,
-40, 11, 17, -92, 39, 33, -54, 0, 3, 50, -45, 81, 24, 27, 44, -11, -53, 9, -37, 49, 25, 3, 13, -21, 30, -12, 0, 36,
-90, -25, 11, -38, -66, 22, -51, 41, 22, 7, 52, 55, -12, 47, -81, 1, 49, 46, 72, 52, -7, -98, -18, -61, 20, -75, -27,
-40, 6, 20, -42, 13, -52, -24, -54, -33, -35, -31, 94, 1, -38, -37, -30, -16, -37, -31, 49, 8, -79, -78, -25, -36,
-15, -31, 71, -40, 44, -69, -60, -30, -3, 3, -7, -69, -37, 6, -40, -27, 43, 15, 30, -59, 67, -61, 44, -52, 22, 3, 58,
-42, -49, 32, -3, -73, 34, 32, -21, 16, -5, 42, -20, 9, -18, -7, -13, 73, 59, 29, -69, -28, 10, -52, 20, -42, 119, 56,
36, -70, -1, -29, 8, 19, 51, -35, -3, -82, 1, -17, 88, 56, 5, 87, 14, -25, 45, 36, -16, -6, 31, -62, -15, -38, 22,
-35, 33, -3, 69, -3, -27, 31, 17, 39, -16, -50, -48, 29, -79, 55, 50, 38, -27, 27, 35, -9, -48, 74, -7, -41, 23, -41,
123, 47, -9, 46, -33, -77, -6, 5, 127, 2, -48, -9, 33, -23, 1, 125, 2, 81, -93, 54, 43, 30, -32, -40, -44, -65, 31,
-54, -47, 33, -51, -59, -11, -54, -13, -109
};

void digits_logits(const float x[DIGITS_INPUTS], float z[DIGITS_OUTPUTS])
{
    float even[128];
    hashed_fold(w0, 0.009890928f, &map0, 1u, x, even);
    relu(128u, even, even);
    hashed_fold(w2, 0.01073135f, &map2, 1u, even, z);
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
{-1.8046699f, 6.070832f, -4.6393948f, -0.46884894f, -3.082499f, 12.510896f, -5.2144704f, 2.8232684f, 5.2115154f,
0.7270262f},
{6.2009087f, -2.2731173f, -8.137713f, -13.479844f, 18.803001f, -2.9128618f, 11.214577f, 3.0337431f, -1.7923105f,
-10.500362f},
{-12.689562f, 12.096417f, 2.653386f, -3.349092f, 0.31269002f, -6.502447f, -5.238664f, 4.6456985f, 7.3026924f,
-2.9644887f},
{-6.7370543f, 3.047925f, 6.334805f, 2.1453414f, -1.7387767f, 1.7359228f, -6.214999f, 12.050712f, 1.1475599f, 5.660043f},
{-8.491738f, 3.7867534f, 5.0895815f, 1.4333534f, -1.4984548f, 3.048128f, -7.752966f, 13.6462345f, 4.213506f,
5.9426546f},
{-3.3951304f, 7.0409255f, 0.26788867f, 6.012668f, -8.7017765f, 7.1990952f, -10.95463f, 6.522877f, 5.0802374f,
1.8146801f},
{-1.4029231f, -1.4805269f, -8.354512f, 2.7926214f, 0.5861938f, 13.149885f, 7.143668f, -3.7496364f, 4.9479694f,
-4.324963f},
{-6.43409f, 8.870719f, -3.2224112f, -4.066823f, 0.3879447f, 0.7687073f, -7.8563695f, -3.213675f, 1.3681647f,
-1.352872f},
{18.140465f, -12.04928f, -0.4907694f, -0.8289654f, -1.3709115f, 6.722203f, 3.3883734f, 3.2710729f, 3.510063f,
2.1009808f},
{15.017676f, -11.343302f, -0.36768222f, 0.20117974f, -0.76501465f, 9.378372f, 1.4351312f, 3.2180343f, 1.5337933f,
-0.23732853f}
};

/* Returns 0 if all logits agree to 1e-4 of the largest, else the number, from 1, of the first input where one doesn't. */
int digits_self_test(void)
{
    for (int n = 0; n < 10; n++) {
        float z[DIGITS_OUTPUTS];
        digits_logits(digits_test_inputs[n], z);
        for (int i = 0; i < DIGITS_OUTPUTS; i++) {
            const float difference = z[i] - digits_test_logits[n][i];
            if (!(difference <= 0.0018803001f && difference >= -0.0018803001f)) /* "not inside": also where z is not a number */
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
