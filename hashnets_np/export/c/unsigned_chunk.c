#include "map.c"
#include "xxh32_pair.c"
/* Eq. 7 with kind chunk and without signs: `size` neighbours of a row are neighbours in w. */
static float virtual_unsigned_chunk(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const uint32_t x = xxh32_pair(i, j / m->size, m->seed);
    return (float)w[((x >> 1) + j % m->size) % m->buckets];
}
