#include "map.c"
#include "xxh32_pair.c"
/* Eq. 7 with kind xxhash and without signs: V[i, j] = w[h(i, j)]. */
static float virtual_unsigned_xxhash(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const uint32_t x = xxh32_pair(i, j, m->seed);
    return (float)w[(x >> 1) % m->buckets];
}
