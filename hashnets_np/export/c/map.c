/* A sharing map: V is n_out x n_cols, and each of its weights is one of `buckets` real weights. `size` is that of the
   pieces of w which some kinds share whole; 0 for the others. */
typedef struct {
    uint32_t n_out, n_cols, buckets, seed, size;
} map_t;
