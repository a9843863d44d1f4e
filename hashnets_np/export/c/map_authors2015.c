#include "text_sign.c"
/* Eq. 7 with kind authors2015: keys of the released Torch7 code, such as "123_123idxW"; it counts from 1. */
static void put_triple(text_t *text, uint32_t n)
{
    put_number(text, n + 1);
    put_number(text, n + 2);
    put_number(text, n + 3);
}

static float virtual_authors2015(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    text_t key = {{0}, 0};
    put_triple(&key, i);
    put_letters(&key, "_");
    put_triple(&key, j);
    return signed_weight(w, m, &key, "idxW", "xi_W");
}
