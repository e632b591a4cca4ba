/** `libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&backend, 1);` */
#define LIBSEAL_ENVELOPE_INIT(recipients, recipient_count) \
    {sizeof(libseal_envelope), (recipients), (recipient_count), NULL, 0, NULL}
