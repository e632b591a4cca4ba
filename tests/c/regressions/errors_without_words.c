/* Errors told no more than their status: not which argument, not what was in the message, not what a
 * callback had returned. */
#include "../check.h"
#include "../unseal.h"

#include <libseal.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static uint8_t out[4096];
static size_t written;

#define CHECK_TEXT(part) \
    check(strstr(libseal_last_error(), (part)) != NULL, __FILE__, __LINE__, \
          "the text has " #part, libseal_last_error())

static void arguments(void)
{
    libseal_unsealer *unsealer;
    uint8_t der[10];
    libseal_rsa_public_key key;
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("unsealer is NULL");
    CHECK_STATUS(libseal_unsealer_new(NULL, 2, &unsealer), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("the list of pairs is NULL");
    const libseal_context_pair nameless = {NULL, "42"};
    CHECK_STATUS(libseal_unsealer_new(&nameless, 1, &unsealer), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("the key of a pair is NULL");
    CHECK_STATUS(libseal_unsealer_new(&nameless, 17, &unsealer), LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_TEXT("LIBSEAL_MAX_CONTEXT_PAIRS");
    const libseal_context_pair latin1 = {"d\xe9vice", "42"};
    CHECK_STATUS(libseal_unsealer_new(&latin1, 1, &unsealer), LIBSEAL_ERR_INVALID_UTF8);
    CHECK_TEXT("the key of a pair is not UTF-8");
    CHECK_STATUS(libseal_rsa_public_key_init(NULL, sizeof key, der, 1), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("key is NULL");
    CHECK_STATUS(libseal_rsa_public_key_init(&key, sizeof key, NULL, 1), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("encoded is NULL");
}

static void structs(void)
{
    libseal_rsa_public_key never_filled;
    memset(&never_filled, 0, sizeof never_filled);
    libseal_recipient to = LIBSEAL_RECIPIENT_INIT(NULL, NULL);
    libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&to, 1);
    uint64_t len;
    CHECK_STATUS(libseal_sealed_len(NULL, 1, &len), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("envelope is NULL");
    CHECK_STATUS(libseal_sealed_len(&envelope, 1, &len), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("the key of a recipient is NULL");
    to.key = &never_filled;
    CHECK_STATUS(libseal_sealed_len(&envelope, 1, &len), LIBSEAL_ERR_NOT_FILLED);
    CHECK_TEXT("the key of a recipient was never filled");
    to.algorithm = 9;
    CHECK_STATUS(libseal_sealed_len(&envelope, 1, &len), LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_TEXT("the algorithm of a recipient");
    envelope.size = 0;
    CHECK_STATUS(libseal_sealed_len(&envelope, 1, &len), LIBSEAL_ERR_STRUCT_SIZE);
    CHECK_TEXT("envelope was not initialised with its macro");
}

static int returns_42(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data, (void)key, (void)data_key;
    return 42;
}

static int holds_nothing(void *user_data, const libseal_wrapped_key *key, uint8_t data_key[32])
{
    (void)user_data, (void)key, (void)data_key;
    return LIBSEAL_UNWRAP_NOT_MINE;
}

static int fails_to_read(void *user_data, uint64_t offset, uint8_t *room, size_t len, size_t *filled)
{
    (void)user_data, (void)offset, (void)room, (void)len, (void)filled;
    return 43;
}

static libseal_status unseal(const vector *v, libseal_unwrap_fn unwrap,
                             const libseal_context_pair *require)
{
    return libseal_unseal(v->message, v->message_len, unwrap, NULL, require, require != NULL, out,
                          sizeof out, &written);
}

static void messages(void)
{
    vector v = accepted_vector("worked_example");
    CHECK_STATUS(unseal(&v, NULL, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("unwrap is NULL");
    CHECK_STATUS(libseal_unseal(out, 9, returns_42, NULL, NULL, 0, out, 9, &written),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    CHECK_TEXT("out overlaps in");

    /* Also in one call, where there is no handle to ask for the code. */
    CHECK_STATUS(unseal(&v, returns_42, NULL), LIBSEAL_ERR_UNWRAP_FAILED);
    CHECK_TEXT("the data key could not be unwrapped: the callback returned 42");

    CHECK_STATUS(unseal(&v, holds_nothing, NULL), LIBSEAL_ERR_NO_MATCHING_RECIPIENT);
    CHECK_TEXT("\"example\" (ffcd1e1fd8965441a82c268166639237");

    const libseal_context_pair other = {"device", "43"};
    CHECK_STATUS(unseal(&v, holds_nothing, &other), LIBSEAL_ERR_CONTEXT_MISMATCH);
    CHECK_TEXT("\"device\" = \"42\", and \"43\" is required");

    const libseal_source source = LIBSEAL_SOURCE_INIT(fails_to_read, NULL, NULL);
    libseal_reader *reader;
    CHECK_STATUS(libseal_reader_new(&source, returns_42, NULL, NULL, 0, &reader), LIBSEAL_OK);
    CHECK_STATUS(libseal_reader_read(reader, out, sizeof out, &written), LIBSEAL_ERR_IO_FAILED);
    CHECK_TEXT("it returned 43");
    libseal_reader_free(reader);

    libseal_unsealer *unsealer;
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_finish(unsealer, out, sizeof out, &written),
                 LIBSEAL_ERR_EMPTY_MESSAGE);
    CHECK(strcmp(libseal_last_error(), libseal_status_text(LIBSEAL_ERR_EMPTY_MESSAGE)) == 0);
    libseal_unsealer_free(unsealer);
    free_vector(&v);
}

/* The text stays until the next error: cleaning up does not change it, and a success does not. */
static void how_long(void)
{
    libseal_unsealer *unsealer;
    libseal_sealer sealer;
    memset(&sealer, 0, sizeof sealer);
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, NULL), LIBSEAL_ERR_NULL_POINTER);
    const char *text = libseal_last_error();
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    libseal_unsealer_free(unsealer);
    libseal_sealer_wipe(&sealer);
    CHECK(libseal_unsealer_finish_len(NULL) == 0);
    CHECK(libseal_last_error() == text);
    CHECK_TEXT("unsealer is NULL");
}

static void *on_another_thread(void *unused)
{
    CHECK(strcmp(libseal_last_error(), "") == 0);
    CHECK_STATUS(libseal_plaintext_len(out, 1, NULL), LIBSEAL_ERR_NULL_POINTER);
    CHECK_TEXT("len is NULL");
    return unused;
}

static void threads(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, on_another_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_TEXT("unsealer is NULL");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    CHECK(strcmp(libseal_last_error(), "") == 0);
    arguments();
    structs();
    messages();
    how_long();
    threads();
    return report();
}
