/* A hashed bias: output i gets the virtual weight (i, 0) of a map of its own. */
static void add_hashed_bias_KIND(const weight_t *b, float scale, const map_t *m, float *z)
{
    for (uint32_t i = 0; i < m->n_out; i++)
        z[i] += scale * virtual_KIND(b, m, i, 0);
}
