/**
 * Enough for libseal_sealer_start(), as a constant: `key_ids_len` is the length of all key ids together,
 * `context_len` that of all keys and values, with 4 bytes more for each pair.
 */
#define LIBSEAL_SEALER_START_BOUND(recipients, key_ids_len, context_len) \
    (97 + (recipients) * 549 + (key_ids_len) + (context_len))

/**
 * Enough for libseal_sealer_update() at any time, as a constant. libseal_sealer_finish_with() takes
 * LIBSEAL_SEALER_FINISH_LEN more.
 */
#define LIBSEAL_SEALER_UPDATE_BOUND(in_len) ((in_len) + ((in_len) / 16384 + 1) * 16)
