#include "text_sign.c"
/* Eq. 7 for the hashed bias of kind pytorch2019. */
static float virtual_pytorch2019_bias(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    text_t key = {{0}, 0};
    (void)j; /* a bias has one column */
    put_number(&key, i);
    put_letters(&key, "_0");
    return signed_weight(w, m, &key, "idxB", "xiB");
}
