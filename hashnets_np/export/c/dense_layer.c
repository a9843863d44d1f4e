/* An ordinary fully connected layer; w is stored row by row. */
static void dense(const weight_t *w, float scale, uint32_t n_out, uint32_t n_in, const float *a, float *z)
{
    for (uint32_t i = 0; i < n_out; i++) {
        float sum = 0.0f;
        for (uint32_t j = 0; j < n_in; j++)
            sum += (float)*w++ * a[j];
        z[i] = scale * sum;
    }
}
