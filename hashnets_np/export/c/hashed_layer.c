/* Eq. 8: z[i] = sum over j of V[i, j] a[j]. With a bias column (Eq. 2), column 0 belongs to an input that is always 1. */
static void hashed_KIND(const weight_t *w, float scale, const map_t *m, uint32_t bias_column, const float *a, float *z)
{
    for (uint32_t i = 0; i < m->n_out; i++) {
        float sum = bias_column ? virtual_KIND(w, m, i, 0) : 0.0f;
        for (uint32_t j = bias_column; j < m->n_cols; j++)
            sum += virtual_KIND(w, m, i, j) * a[j - bias_column];
        z[i] = scale * sum;
    }
}
