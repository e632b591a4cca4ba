/* A write that failed and was not repeated: the message lacks something, so it must not end. */
#include "../check.h"
#include "../unseal.h"

#include <libseal_stream.h>
#include <string.h>

static uint8_t message[4096];
static size_t message_len;
static int failures;

static int write_memory(void *user_data, const uint8_t *data, size_t len)
{
    (void)user_data;
    if (failures > 0)
        return failures--, 1;
    if (len > sizeof message - message_len)
        fatal("wrote too much", "write_memory");
    memcpy(message + message_len, data, len);
    message_len += len;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    const libseal_rsa_public_key key = public_key("rsa-2048");
    const libseal_recipient to = LIBSEAL_RECIPIENT_INIT(&key, NULL);
    const libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    const libseal_sink sink = LIBSEAL_SINK_INIT(write_memory, NULL);
    static const uint8_t plaintext[] = "data";

    for (int repeats = 0; repeats < 2; repeats++) {
        libseal_writer *writer;
        message_len = 0;
        failures = 1;
        CHECK_STATUS(libseal_writer_new(&envelope, &sink, &writer), LIBSEAL_OK);
        CHECK_STATUS(libseal_writer_write(writer, plaintext, 4, NULL), LIBSEAL_ERR_IO_FAILED);
        /* These repeat nothing. */
        CHECK_STATUS(libseal_writer_flush(writer), LIBSEAL_OK);
        CHECK_STATUS(libseal_writer_write(writer, NULL, 0, NULL), LIBSEAL_OK);
        CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_ERR_INVALID_STATE);
        if (repeats) {
            CHECK_STATUS(libseal_writer_write(writer, plaintext, 4, NULL), LIBSEAL_OK);
            CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
            CHECK(unseals_to(message, message_len, plaintext, 4, "rsa-2048", NULL, 0));
        }
        libseal_writer_free(writer);
    }
    return report();
}
