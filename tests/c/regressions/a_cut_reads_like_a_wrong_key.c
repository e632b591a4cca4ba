/* A message that was cut inside a chunk returned the same status as a wrong data key. */
#include "../check.h"
#include "../unseal.h"

#include <libseal.h>
#include <stdlib.h>
#include <string.h>

static uint8_t out[65536];
static size_t written;
static const uint8_t *bytes;
static size_t len;

static libseal_status in_one_call(vector *v)
{
    return libseal_unseal(bytes, len, unwrap_vector, v, NULL, 0, out, sizeof out, &written);
}

static libseal_status in_pieces(vector *v)
{
    libseal_unsealer *unsealer;
    libseal_status status = libseal_unsealer_new(NULL, 0, &unsealer);
    if (status == LIBSEAL_OK)
        status = libseal_unsealer_set_unwrap(unsealer, unwrap_vector, v);
    for (size_t i = 0; i < len && status == LIBSEAL_OK; i += 1000)
        status = libseal_unsealer_update(unsealer, bytes + i, len - i < 1000 ? len - i : 1000, NULL,
                                         out, sizeof out, &written);
    if (status == LIBSEAL_OK)
        status = libseal_unsealer_finish(unsealer, out, sizeof out, &written);
    libseal_unsealer_free(unsealer);
    return status;
}

static int read_bytes(void *user_data, uint64_t offset, uint8_t *room, size_t cap, size_t *filled)
{
    (void)user_data;
    size_t left = offset < len ? len - (size_t)offset : 0;
    *filled = cap < left ? cap : left;
    memcpy(room, bytes + (left ? offset : 0), *filled);
    return 0;
}

static int length_of_bytes(void *user_data, uint64_t *length)
{
    (void)user_data;
    *length = len;
    return 0;
}

static libseal_status from_a_source(vector *v, bool at_its_end)
{
    const libseal_source source = LIBSEAL_SOURCE_INIT(read_bytes, length_of_bytes, NULL);
    libseal_reader *reader;
    uint64_t plaintext_len;
    libseal_status status = libseal_reader_new(&source, unwrap_vector, v, NULL, 0, &reader);
    if (status == LIBSEAL_OK && at_its_end)
        status = libseal_reader_plaintext_len(reader, &plaintext_len);
    do {
        if (status == LIBSEAL_OK)
            status = libseal_reader_read(reader, out, sizeof out, &written);
    } while (status == LIBSEAL_OK && written > 0);
    libseal_reader_free(reader);
    return status;
}

static void returns(vector *v, libseal_status expected)
{
    CHECK_STATUS(in_one_call(v), expected);
    CHECK_STATUS(in_pieces(v), expected);
    CHECK_STATUS(from_a_source(v, false), expected);
    CHECK_STATUS(from_a_source(v, true), expected);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    vector v = accepted_vector("length_16385"); /* The last chunk has 17 bytes. */
    uint8_t *message = allocate(v.message_len + 10);
    memset(message, 7, v.message_len + 10);
    memcpy(message, v.message, v.message_len);
    bytes = message;

    len = v.message_len;
    returns(&v, LIBSEAL_OK);
    len = v.message_len - 1;
    returns(&v, LIBSEAL_ERR_END_NOT_AUTHENTIC);
    len = v.message_len - 17 - 100;
    returns(&v, LIBSEAL_ERR_END_NOT_AUTHENTIC);
    len = v.message_len - 2;
    returns(&v, LIBSEAL_ERR_TRUNCATED);
    len = v.message_len + 10;
    returns(&v, LIBSEAL_ERR_END_NOT_AUTHENTIC);

    /* A wrong data key is no cut. */
    len = v.message_len - 1;
    v.data_key[0] ^= 1;
    returns(&v, LIBSEAL_ERR_AUTHENTICATION_FAILED);
    v.data_key[0] ^= 1;

    /* Nor is an altered chunk that is not the last. */
    message[v.message_len - 17 - 5] ^= 1;
    CHECK_STATUS(in_one_call(&v), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK_STATUS(in_pieces(&v), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK_STATUS(from_a_source(&v, false), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    free(message);
    free_vector(&v);
    return report();
}
