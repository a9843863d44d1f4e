/* XXH32 of a text of any length, and the text itself: the compatibility kinds hash keys such as "12_34idxW". */
typedef struct {
    unsigned char bytes[80]; /* the longest key is six numbers of ten digits and five letters */
    uint32_t length;
} text_t;

static void put_letters(text_t *text, const char *letters)
{
    while (*letters)
        text->bytes[text->length++] = (unsigned char)*letters++;
}

static void put_number(text_t *text, uint32_t n)
{
    unsigned char digits[10];
    int count = 0;
    do {
        digits[count++] = (unsigned char)('0' + n % 10u);
        n /= 10u;
    } while (n);
    while (count)
        text->bytes[text->length++] = digits[--count];
}

static uint32_t rotate(uint32_t x, int bits)
{
    return (x << bits) | (x >> (32 - bits));
}

static uint32_t read_word(const unsigned char *p) /* four bytes, least significant first */
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t xxh32_text(const text_t *text, uint32_t seed)
{
    const unsigned char *p = text->bytes;
    const unsigned char *end = p + text->length;
    uint32_t h = seed + 374761393u;
    if (text->length >= 16) { /* stripes of 16 bytes, four lanes each */
        uint32_t lanes[4];
        lanes[0] = seed + 2654435761u + 2246822519u;
        lanes[1] = seed + 2246822519u;
        lanes[2] = seed;
        lanes[3] = seed - 2654435761u;
        for (; end - p >= 16; p += 16)
            for (int lane = 0; lane < 4; lane++)
                lanes[lane] = rotate(lanes[lane] + read_word(p + 4 * lane) * 2246822519u, 13) * 2654435761u;
        h = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    }
    h += text->length;
    for (; end - p >= 4; p += 4)
        h = rotate(h + read_word(p) * 3266489917u, 17) * 668265263u;
    for (; p < end; p++)
        h = rotate(h + *p * 374761393u, 11) * 2654435761u;
    h = (h ^ (h >> 15)) * 2246822519u;
    h = (h ^ (h >> 13)) * 3266489917u;
    return h ^ (h >> 16);
}
