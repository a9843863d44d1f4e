/* A sharing map: V is n_out x n_cols, and each of its weights is one of `buckets` real weights. */
typedef struct {
    uint32_t n_out, n_cols, buckets, seed;
} map_t;
