/* A dense bias: one free number for each output. */
static void add_bias(const float *b, uint32_t n_out, float *z)
{
    for (uint32_t i = 0; i < n_out; i++)
        z[i] += b[i];
}
