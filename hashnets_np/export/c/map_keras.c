#include "map.c"
#include "xxh32_text.c"
/* Eq. 7 with kind keras: keys of the known Keras port, input first, and no signs. */
static float virtual_keras(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    text_t key = {{0}, 0};
    put_number(&key, j);
    put_letters(&key, "_");
    put_number(&key, i);
    return (float)w[xxh32_text(&key, m->seed) % m->buckets];
}
