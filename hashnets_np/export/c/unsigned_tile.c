#include "map.c"
#include "xxh32_pair.c"
/* Eq. 7 with kind tile and without signs: a square of `size` x `size` is one piece of w, row by row. */
static float virtual_unsigned_tile(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const uint32_t x = xxh32_pair(i / m->size, j / m->size, m->seed);
    const uint32_t inside = i % m->size * m->size + j % m->size;
    return (float)w[((x >> 1) + inside) % m->buckets];
}
