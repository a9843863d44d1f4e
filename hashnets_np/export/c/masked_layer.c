#include "xxh32_pair.c"
/* Random edge removal: the weights with the smallest hashes survive, those below `limit` and the first `ties` at it.
   So the mask needs no storage either. */
static void masked(const weight_t *w, float scale, uint32_t n_out, uint32_t n_in, uint32_t seed, uint32_t limit,
                   uint32_t ties, const float *a, float *z)
{
    for (uint32_t i = 0; i < n_out; i++) {
        float sum = 0.0f;
        for (uint32_t j = 0; j < n_in; j++) {
            const uint32_t x = xxh32_pair(i, j, seed);
            if (x < limit || (x == limit && ties > 0)) {
                ties -= x == limit;
                sum += (float)*w++ * a[j];
            }
        }
        z[i] = scale * sum;
    }
}
