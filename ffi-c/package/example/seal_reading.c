#include "seal_reading.h"

#include "telemetry_key.h"

#include <string.h>

libseal_status seal_reading(const libseal_random *trng, const char *reading,
                            uint8_t message[SEALED_LEN], size_t *message_len)
{
    static libseal_rsa_public_key key;
    const libseal_recipient backend = LIBSEAL_RECIPIENT_INIT(&key, "alias/telemetry");
    const libseal_context_pair device = LIBSEAL_CONTEXT_PAIR_INIT("device", "42");
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&backend, 1);
    envelope.context = &device;
    envelope.context_count = 1;
    envelope.random = trng;

    libseal_status status = libseal_rsa_public_key_init_pinned(
        &key, sizeof key, telemetry_der, sizeof telemetry_der, telemetry_fingerprint);
    if (status == LIBSEAL_OK)
        status = libseal_seal(&envelope, (const uint8_t *)reading, strlen(reading), message,
                              SEALED_LEN, message_len);
    return status;
}
