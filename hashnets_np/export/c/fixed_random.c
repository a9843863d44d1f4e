#include <math.h>
#include "xxh32_pair.c"
/* Low-rank decomposition: z = R a with the fixed random R, whose entries N(0, std) are computed from two hashes of
   (i, j) by the Box-Muller transform. The only piece that needs the C library: log, sqrt and cos. */
static void fixed_random(uint32_t n_out, uint32_t n_in, double std, uint32_t seed_u, uint32_t seed_v, const float *a,
                         float *z)
{
    for (uint32_t i = 0; i < n_out; i++) {
        float sum = 0.0f;
        for (uint32_t j = 0; j < n_in; j++) {
            const double u = ((double)xxh32_pair(i, j, seed_u) + 0.5) / 4294967296.0;
            const double v = ((double)xxh32_pair(i, j, seed_v) + 0.5) / 4294967296.0;
            sum += (float)(std * sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v)) * a[j];
        }
        z[i] = sum;
    }
}
