#include "map_authors2015.c"
/* Eq. 7 for the hashed bias of kind authors2015. */
static float virtual_authors2015_bias(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    text_t key = {{0}, 0};
    (void)j; /* a bias has one column */
    put_triple(&key, i);
    put_letters(&key, "_123");
    return signed_weight(w, m, &key, "idxB", "xi_B");
}
