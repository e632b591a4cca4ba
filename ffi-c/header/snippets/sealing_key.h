/** Enough for libseal_sealing_key_init(), as LIBSEAL_SEALER_START_BOUND. */
#define LIBSEAL_SEALING_KEY_HEADER_BOUND(recipients, key_ids_len, context_len) \
    (LIBSEAL_SEALER_START_BOUND(recipients, key_ids_len, context_len) - 56)
