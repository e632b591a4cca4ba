/** `libseal_sealing_limits limits = LIBSEAL_SEALING_LIMITS_INIT;` */
#define LIBSEAL_SEALING_LIMITS_INIT {sizeof(libseal_sealing_limits), 0, 0, 0}
