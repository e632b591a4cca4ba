/** `libseal_random trng = LIBSEAL_RANDOM_INIT(read_trng, NULL);` */
#define LIBSEAL_RANDOM_INIT(fill, user_data) {sizeof(libseal_random), (fill), (user_data)}
