#include "text_sign.c"
/* Eq. 7 with kind pytorch2019: keys of the known PyTorch port, such as "0_0idxW". */
static float virtual_pytorch2019(const weight_t *w, const map_t *m, uint32_t i, uint32_t j)
{
    text_t key = {{0}, 0};
    put_number(&key, i);
    put_letters(&key, "_");
    put_number(&key, j);
    return signed_weight(w, m, &key, "idxW", "xiW");
}
