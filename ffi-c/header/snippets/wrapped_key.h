/** For a struct that you fill, for libseal_wrapped_key_data_key(). */
#define LIBSEAL_WRAPPED_KEY_INIT \
    {sizeof(libseal_wrapped_key), 0, NULL, NULL, NULL, 0, NULL, 0}
