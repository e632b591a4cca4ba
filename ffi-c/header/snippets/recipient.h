/** `libseal_recipient backend = LIBSEAL_RECIPIENT_INIT(&key, "alias/device-data");` */
#define LIBSEAL_RECIPIENT_INIT(key, key_id) {sizeof(libseal_recipient), (key), (key_id), 0}
