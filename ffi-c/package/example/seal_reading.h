#ifndef SEAL_READING_H
#define SEAL_READING_H

#include <libseal_seal.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The longest reading. */
#define READING_LEN 64

/* Room for one that is sealed: the beginning with key id and context, the reading, the end. */
#define SEALED_LEN \
    (LIBSEAL_SEALER_START_BOUND(1, sizeof "alias/telemetry", sizeof "device42" + 4) + \
     LIBSEAL_SEALER_UPDATE_BOUND(READING_LEN) + LIBSEAL_SEALER_FINISH_LEN)

/*
 * Seals a reading for the key in telemetry_key.h, with random bytes from `trng`. NULL stands for the
 * operating system, where there is one.
 */
libseal_status seal_reading(const libseal_random *trng, const char *reading,
                            uint8_t message[SEALED_LEN], size_t *message_len);

#ifdef __cplusplus
}
#endif

#endif
