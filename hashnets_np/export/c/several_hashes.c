/* Several hashes: V is a sum of matrices V_u, each with a map of its own on the same w, weighted by alpha_u. */
static void several_KIND(const weight_t *w, float scale, const map_t *maps, const float *alpha, uint32_t hashes,
                         const float *a, float *z)
{
    for (uint32_t i = 0; i < maps[0].n_out; i++) {
        z[i] = 0.0f;
        for (uint32_t u = 0; u < hashes; u++) {
            float sum = virtual_KIND(w, &maps[u], i, 0);
            for (uint32_t j = 1; j < maps[u].n_cols; j++)
                sum += virtual_KIND(w, &maps[u], i, j) * a[j - 1];
            z[i] += scale * alpha[u] * sum;
        }
    }
}
