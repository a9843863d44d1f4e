#include "map.c"
#include "xxh32_pair.c"
/* Eq. 7 with kind fold and without signs: each run of K virtual weights is a rotation of w by a hashed amount. */
static float virtual_unsigned_fold(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const place_t place = (place_t)i * m->n_cols + j;
    const place_t run = place / m->buckets;
    const uint32_t within = (uint32_t)(place % m->buckets);
    const uint32_t shift = xxh32_pair((uint32_t)((uint64_t)run >> 32), (uint32_t)run, m->seed) >> 1;
    return (float)w[(within + shift) % m->buckets];
}
