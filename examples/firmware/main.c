/*
 * Firmware that seals a log in pieces, and three readings under one data key, without a heap.
 *
 * It prints what it sealed, as hex; a real device would store or send it.
 */
#include "board.h"
#include "random.h"

#include <libseal_seal.h>
#include <stddef.h>
#include <stdint.h>

/* From key.S: what `aws kms get-public-key` returned. A device may keep it in a partition of its own. */
extern const uint8_t public_key[], public_key_end[];

/* The key that it must be: what `sha256sum` prints for its file. */
static const uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN] = {
    0xff, 0xcd, 0x1e, 0x1f, 0xd8, 0x96, 0x54, 0x41,
    0xa8, 0x2c, 0x26, 0x81, 0x66, 0x63, 0x92, 0x37,
    0x4d, 0xa6, 0xa9, 0xd6, 0xe7, 0x2d, 0x18, 0x8e,
    0x70, 0xb3, 0xae, 0x7f, 0x29, 0xdd, 0x4a, 0xab,
};

#define KEY_ID "alias/device-data"
#define PIECE 256
#define LOG_LEN 20000

static const libseal_random random_source = LIBSEAL_RANDOM_INIT(stand_in_random, NULL);

static libseal_rsa_public_key key;
static const libseal_recipient backend = LIBSEAL_RECIPIENT_INIT(&key, KEY_ID);
static const libseal_context_pair device = LIBSEAL_CONTEXT_PAIR_INIT("device", "42");
static const libseal_envelope envelope = {
    .size = sizeof(libseal_envelope),
    .recipients = &backend,
    .recipient_count = 1,
    .context = &device,
    .context_count = 1,
    .random = &random_source,
};

/* Room for the first bytes of a message to this recipient with this context. */
#define START_LEN LIBSEAL_SEALER_START_BOUND(1, sizeof KEY_ID - 1, sizeof "device42" - 1 + 4)

/* Stands for the device's log: lines of "00017 ok\n". */
static size_t read_log(size_t offset, uint8_t *piece, size_t cap)
{
    size_t len = 0;
    for (; len < cap && offset < LOG_LEN; len++, offset++) {
        static const char line[] = "00000 ok\n";
        static const uint16_t powers_of_ten[] = {10000, 1000, 100, 10, 1};
        size_t column = offset % (sizeof line - 1), number = offset / (sizeof line - 1);
        if (column < 5)
            piece[len] = (uint8_t)('0' + number / powers_of_ten[column] % 10);
        else
            piece[len] = (uint8_t)line[column];
    }
    return len;
}

/* The log is longer than the RAM, so it is sealed in pieces. */
static libseal_status seal_log(void)
{
    static libseal_sealer sealer;
    static uint8_t piece[PIECE];
    static uint8_t out[START_LEN > LIBSEAL_SEALER_UPDATE_BOUND(PIECE)
                           ? START_LEN
                           : LIBSEAL_SEALER_UPDATE_BOUND(PIECE)];
    size_t offset = 0, piece_len, out_len;

    libseal_status status =
        libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, sizeof out, &out_len);
    while (status == LIBSEAL_OK) {
        print_hex("log", out, out_len);
        piece_len = read_log(offset, piece, sizeof piece);
        if (piece_len == 0)
            break;
        offset += piece_len;
        status = libseal_sealer_update(&sealer, piece, piece_len, out, sizeof out, &out_len);
    }
    if (status == LIBSEAL_OK)
        status = libseal_sealer_finish(&sealer, out, sizeof out, &out_len);
    if (status == LIBSEAL_OK)
        print_hex("log", out, out_len);
    return status;
}

/* Many short messages share a data key, which is wrapped once. */
static libseal_status seal_readings(void)
{
    static libseal_sealing_key sealing_key;
    static uint8_t header[START_LEN]; /* borrowed until the wipe */
    static const char *const readings[] = {"21.5 C", "21.7 C", "22.0 C"};
    static uint8_t out[START_LEN + 32];
    size_t header_len, out_len;

    libseal_status status = libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope,
                                                     NULL, header, sizeof header, &header_len);
    for (size_t i = 0; status == LIBSEAL_OK && i < sizeof readings / sizeof *readings; i++) {
        size_t len = 0;
        while (readings[i][len])
            len++;
        status = libseal_sealing_key_seal(&sealing_key, (const uint8_t *)readings[i], len, out,
                                          sizeof out, &out_len);
        if (status == LIBSEAL_OK)
            print_hex("reading", out, out_len);
    }
    libseal_sealing_key_wipe(&sealing_key);
    return status;
}

int main(void)
{
    /* Do processor and memory still work? */
    libseal_status status = libseal_self_test();
    if (status == LIBSEAL_OK)
        status = libseal_rsa_public_key_init_pinned(
            &key, sizeof key, public_key, (size_t)(public_key_end - public_key), fingerprint);
    if (status == LIBSEAL_OK)
        status = seal_log();
    if (status == LIBSEAL_OK)
        status = seal_readings();
    if (status != LIBSEAL_OK) {
        print(libseal_status_text(status));
        print("\n");
    }
    return status == LIBSEAL_OK ? 0 : 1;
}
