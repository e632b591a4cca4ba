/** `libseal_context_pair device = LIBSEAL_CONTEXT_PAIR_INIT("device", "42");` */
#define LIBSEAL_CONTEXT_PAIR_INIT(key, value) {(key), (value)}
