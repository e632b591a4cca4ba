/* Unsealing leaves no secret in memory, nor do streams and threads: neither when it is done nor when it
 * fails. */
#include "../check.h"
#include "process_memory.h"

#include <libseal_stream.h>
#include <stdlib.h>

static const place nowhere;
static unsigned calls;
static libseal_random random_source = RANDOM(.fill = known_random, .user_data = &calls);

static uint8_t *plaintext, *message, *out;
static size_t message_len, written;
enum { LEN = 2000000, CAP = 2100000 };

/* The data key is the first answer of known_random(). */
static int unwrap(void *user_data, const libseal_wrapped_key *key, uint8_t *data_key)
{
    unsigned first = 0;
    (void)user_data, (void)key;
    return known_random(&first, data_key, 32);
}

static int unwrap_another(void *user_data, const libseal_wrapped_key *key, uint8_t *data_key)
{
    int result = unwrap(user_data, key, data_key);
    data_key[0] ^= 1;
    return result;
}

static void seal(size_t len)
{
    libseal_rsa_public_key key = public_key("rsa-2048");
    libseal_recipient to_key = RECIPIENT(.key = &key);
    libseal_envelope envelope = ENVELOPE(.recipients = &to_key, .recipient_count = 1,
                                         .random = &random_source);
    calls = 0;
    if (libseal_seal(&envelope, plaintext, len, message, CAP, &message_len) != LIBSEAL_OK)
        fatal("cannot seal", "a message");
}

static void in_one_call(void)
{
    static const size_t lengths[] = {6, 100000};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        seal(lengths[i]);
        CHECK_STATUS(libseal_unseal(message, message_len, unwrap, NULL, NULL, 0, out, CAP, &written),
                     LIBSEAL_OK);
        CHECK(is_clean("libseal_unseal()", nowhere, true));
        CHECK_STATUS(libseal_unseal(message, message_len, unwrap_another, NULL, NULL, 0, out, CAP,
                                    &written),
                     LIBSEAL_ERR_AUTHENTICATION_FAILED);
        message[message_len - 1] ^= 1;
        CHECK_STATUS(libseal_unseal(message, message_len, unwrap, NULL, NULL, 0, out, CAP, &written),
                     LIBSEAL_ERR_END_NOT_AUTHENTIC);
        CHECK(is_clean("libseal_unseal() of what was altered", nowhere, true));
    }
}

static void piece_by_piece(void)
{
    for (size_t is_altered = 0; is_altered < 2; is_altered++) {
        libseal_unsealer *unsealer;
        seal(100000);
        message[message_len / 2] ^= (uint8_t)is_altered;
        CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
        CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap, NULL), LIBSEAL_OK);
        libseal_status status = LIBSEAL_OK;
        for (size_t done = 0; done < message_len && status == LIBSEAL_OK; done += written) {
            written = message_len - done < 7000 ? message_len - done : 7000;
            size_t len = written;
            status = libseal_unsealer_update(unsealer, message + done, len, NULL, out, CAP, &written);
            CHECK(is_clean("libseal_unsealer_update()", nowhere, false));
            written = len;
        }
        if (is_altered)
            CHECK_STATUS(status, LIBSEAL_ERR_AUTHENTICATION_FAILED);
        else
            CHECK_STATUS(libseal_unsealer_finish(unsealer, out, CAP, &written), LIBSEAL_OK);
        libseal_unsealer_free(unsealer);
        CHECK(is_clean("the end of an unsealer", nowhere, true));
    }
}

/* One that is freed before it is done. */
static void abandoned(void)
{
    libseal_unsealer *unsealer;
    seal(100000);
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap, NULL), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_update(unsealer, message, 395, NULL, out, CAP, &written), LIBSEAL_OK);
    libseal_unsealer_free(unsealer);
    CHECK(is_clean("an abandoned unsealer", nowhere, true));
}

static size_t position;

static int write_at_end(void *user_data, const uint8_t *bytes, size_t len)
{
    (void)user_data;
    memcpy(message + position, bytes, len);
    position += len;
    return 0;
}

/* The stacks of the threads are memory of the process too. */
static void on_threads(void)
{
    libseal_pool *pool;
    libseal_writer *writer;
    libseal_unsealer *unsealer;
    libseal_rsa_public_key key = public_key("rsa-2048");
    libseal_recipient to_key = RECIPIENT(.key = &key);
    libseal_envelope envelope = ENVELOPE(.recipients = &to_key, .recipient_count = 1,
                                         .random = &random_source);
    libseal_sink sink = LIBSEAL_SINK_INIT(write_at_end, NULL);
    calls = 0;
    position = 0;
    CHECK_STATUS(libseal_pool_new(2, &pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_new(&envelope, &sink, &writer), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_set_pool(writer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_write(writer, plaintext, LEN, &written), LIBSEAL_OK);
    CHECK_STATUS(libseal_writer_finish(writer), LIBSEAL_OK);
    libseal_writer_free(writer);
    CHECK(is_clean("sealing on threads", nowhere, true));

    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap, NULL), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_pool(unsealer, pool), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_update(unsealer, message, position, NULL, out, CAP, &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, CAP, &written), LIBSEAL_OK);
    libseal_unsealer_free(unsealer);
    CHECK(is_clean("unsealing on threads", nowhere, true));
    libseal_pool_free(pool);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    plaintext = allocate(LEN);
    message = allocate(CAP);
    out = allocate(CAP);
    memset(plaintext, 1, LEN);
    in_one_call();
    piece_by_piece();
    abandoned();
    on_threads();
    return report();
}
