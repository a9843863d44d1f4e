/* XXH32 of the eight bytes of a pair of indices. Unsigned arithmetic is modulo 2^32, as the specification asks. */
static uint32_t rotate_left(uint32_t x, int bits)
{
    return (x << bits) | (x >> (32 - bits));
}

static uint32_t xxh32_pair(uint32_t i, uint32_t j, uint32_t seed)
{
    uint32_t h = seed + 374761393u + 8u;
    h = rotate_left(h + i * 3266489917u, 17) * 668265263u;
    h = rotate_left(h + j * 3266489917u, 17) * 668265263u;
    h = (h ^ (h >> 15)) * 2246822519u;
    h = (h ^ (h >> 13)) * 3266489917u;
    return h ^ (h >> 16);
}
