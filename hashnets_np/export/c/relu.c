/* f(z) = max(z, 0). */
static void relu(uint32_t n, const float *z, float *a)
{
    for (uint32_t i = 0; i < n; i++)
        a[i] = z[i] < 0.0f ? 0.0f : z[i];
}
