#include "map.c"
#include "xxh32_text.c"
/* The bucket comes from the hash of one text and the sign from that of another, which differ in their endings. */
static float signed_weight(const weight_t *w, const map_t *m, text_t *key, const char *index_end, const char *sign_end)
{
    const uint32_t length = key->length;
    float real;
    put_letters(key, index_end);
    real = (float)w[xxh32_text(key, m->seed) % m->buckets];
    key->length = length;
    put_letters(key, sign_end);
    return xxh32_text(key, m->seed) & 1u ? real : -real; /* odd is +1 here */
}
