#include "map_keras.c"
/* Eq. 7 with kind keras and without signs, which is kind keras: it has none. */
static float virtual_unsigned_keras(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    return virtual_keras(w, m, i, j);
}
