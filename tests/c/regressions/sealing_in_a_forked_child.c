/* After a fork, a message went on in both processes with the same key stream. */
#include "../check.h"
#include "../support.h"

#include <libseal_stream.h>
#include <string.h>

#define LEN 32
#define REFUSED LIBSEAL_ERR_INVALID_STATE

static const uint8_t text[] = "0123456789abcdef0123456789abcdef";

static libseal_rsa_public_key key;
static libseal_recipient to;
static libseal_envelope envelope;

static libseal_sealer sealer;
static libseal_sealing_key sealing_key;
static libseal_writer *writer;

static uint8_t header[1000], message[2000], out[1000];
static size_t at, header_len, written;

/* A message that the child begins is its own. */
static int seals_its_own(void)
{
    libseal_sealing_key own;
    int wrong = libseal_seal(&envelope, text, LEN, out, sizeof out, &written) != LIBSEAL_OK;
    wrong += libseal_sealing_key_init(&own, sizeof own, &envelope, NULL, header, sizeof header,
                                      &header_len) != LIBSEAL_OK;
    wrong += libseal_sealing_key_seal(&own, text, LEN, out, sizeof out, &written) != LIBSEAL_OK;
    libseal_sealing_key_wipe(&own);
    return wrong;
}

static int sealer_in_child(void *unused)
{
    (void)unused;
    int wrong = 0;
    memset(out, 0xaa, sizeof out);
    for (int i = 0; i < 2; i++) {
        wrong += libseal_sealer_update(&sealer, text, LEN, out, sizeof out, &written) != REFUSED;
        wrong += written != 0;
        wrong += libseal_sealer_finish_with(&sealer, text, LEN, out, sizeof out, &written) != REFUSED;
        wrong += libseal_sealer_finish(&sealer, out, sizeof out, &written) != REFUSED;
    }
    wrong += !is_filled_with(out, sizeof out, 0xaa);
    libseal_sealer_wipe(&sealer);
    return wrong + seals_its_own();
}

static void with_sealer(void)
{
    CHECK_STATUS(
        libseal_sealer_start(&sealer, sizeof sealer, &envelope, message, sizeof message, &at),
        LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, text, LEN, message + at, sizeof message - at,
                                       &written),
                 LIBSEAL_OK);
    at += written;
    CHECK(succeeds_in_child(sealer_in_child, NULL));
    CHECK_STATUS(libseal_sealer_finish(&sealer, message + at, sizeof message - at, &written),
                 LIBSEAL_OK);
    CHECK(unseals_to(message, at + written, text, LEN, "rsa-2048", NULL, 0));
}

static int sealing_key_in_child(void *unused)
{
    (void)unused;
    int wrong = 0;
    libseal_sealer none;
    memset(out, 0xaa, sizeof out);
    wrong += libseal_sealing_key_seal(&sealing_key, text, LEN, out, sizeof out, &written) != REFUSED;
    wrong += libseal_sealing_key_start(&sealing_key, &none, sizeof none, LEN, out, sizeof out,
                                       &written) != REFUSED;
    wrong += !is_filled_with(out, sizeof out, 0xaa);
    libseal_sealing_key_wipe(&sealing_key);
    return wrong + sealer_in_child(NULL);
}

/* It refuses as its messages do, for the sake of its limits. */
static void with_sealing_key(void)
{
    CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, NULL, header,
                                          sizeof header, &header_len),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_sealing_key_start(&sealing_key, &sealer, sizeof sealer, LEN, message,
                                           sizeof message, &at),
                 LIBSEAL_OK);
    CHECK(succeeds_in_child(sealing_key_in_child, NULL));
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, text, LEN, message + at, sizeof message - at,
                                            &written),
                 LIBSEAL_OK);
    CHECK(unseals_to(message, at + written, text, LEN, "rsa-2048", NULL, 0));
    CHECK_STATUS(
        libseal_sealing_key_seal(&sealing_key, text, LEN, message, sizeof message, &written),
        LIBSEAL_OK);
    CHECK(unseals_to(message, written, text, LEN, "rsa-2048", NULL, 0));
    libseal_sealing_key_wipe(&sealing_key);
}

static int fails, writes;

static int write_message(void *user_data, const uint8_t *data, size_t len)
{
    (void)user_data;
    writes++;
    if (fails)
        return -1;
    memcpy(message + at, data, len);
    at += len;
    return 0;
}

static int writer_in_child(void *unused)
{
    (void)unused;
    int before = writes;
    int wrong = libseal_writer_write(writer, text, LEN, NULL) != REFUSED;
    wrong += libseal_writer_flush(writer) != REFUSED;
    wrong += libseal_writer_finish(writer) != REFUSED;
    libseal_writer_free(writer);
    return wrong + (writes != before);
}

/* Before anything is handed on, while plaintext waits, and while the last bytes wait. */
static void with_writer(void)
{
    const libseal_sink sink = LIBSEAL_SINK_INIT(write_message, NULL);
    at = 0;
    CHECK_STATUS(libseal_writer_new(&envelope, &sink, &writer), LIBSEAL_OK);
    CHECK(succeeds_in_child(writer_in_child, NULL));
    CHECK_STATUS(libseal_writer_write(writer, text, LEN, NULL), LIBSEAL_OK);
    CHECK(succeeds_in_child(writer_in_child, NULL));
    CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
    fails = 1;
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_ERR_IO_FAILED);
    fails = 0;
    CHECK(succeeds_in_child(writer_in_child, NULL));
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
    libseal_writer_free(writer);
    CHECK(unseals_to(message, at, text, LEN, "rsa-2048", NULL, 0));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    key = public_key("rsa-2048");
    to = (libseal_recipient)RECIPIENT(.key = &key);
    envelope = (libseal_envelope)ENVELOPE(.recipients = &to, .recipient_count = 1);
    with_sealer();
    with_sealing_key();
    with_writer();
    CHECK(strstr(libseal_status_text(REFUSED), "child of the process") != NULL);
    return report();
}
