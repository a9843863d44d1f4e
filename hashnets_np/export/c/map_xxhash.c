#include "map.c"
#include "xxh32_pair.c"
/* Eq. 7: V[i, j] = xi(i, j) w[h(i, j)]. The bucket comes from bits 1 to 31 of the hash, the sign from bit 0. */
static float virtual_xxhash(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const uint32_t x = xxh32_pair(i, j, m->seed);
    const float real = (float)w[(x >> 1) % m->buckets];
    return x & 1u ? -real : real;
}
