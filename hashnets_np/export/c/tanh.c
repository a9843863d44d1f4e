/* f(z) = tanh(z) without the C library: a polynomial near 0, else 1 - 2 / (exp(2 |z|) + 1). Coefficients as in Cephes. */
static float exponential(float x) /* of 0 <= x <= 20: 2^n exp(r) with |r| <= ln(2) / 2 */
{
    const int n = (int)(x * 1.44269504f + 0.5f);
    const float r = (x - (float)n * 0.693359375f) + (float)n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    for (int k = 0; k < n; k++)
        p *= 2.0f;
    return p;
}

static float tanh_of(float x)
{
    const float size = x < 0.0f ? -x : x;
    const float square = x * x;
    float y;
    if (x != x) /* not a number: stay so */
        return x;
    if (size < 0.625f) {
        y = -5.70498872745e-3f;
        y = y * square + 2.06390887954e-2f;
        y = y * square - 5.37397155531e-2f;
        y = y * square + 1.33314422036e-1f;
        y = y * square - 3.33332819422e-1f;
        return y * square * x + x;
    }
    y = size < 9.5f ? 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f) : 1.0f;
    return x < 0.0f ? -y : y;
}

static void hyperbolic_tangent(uint32_t n, const float *z, float *a)
{
    for (uint32_t i = 0; i < n; i++)
        a[i] = tanh_of(z[i]);
}
