#include "map.c"
#include "xxh32_pair.c"
/* Eq. 7 with kind chunk: `size` neighbours of a row are neighbours in w and have one sign. */
static float virtual_chunk(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    const uint32_t x = xxh32_pair(i, j / m->size, m->seed);
    const float real = (float)w[((x >> 1) + j % m->size) % m->buckets];
    return x & 1u ? -real : real;
}
