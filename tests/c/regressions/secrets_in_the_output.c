/* Sealing writes nothing to the output that reveals a key, not even for a moment: the output may be memory
 * that others see. */
#define _POSIX_C_SOURCE 200809L

#include "../check.h"
#include "../support.h"
#include "scan.h"

#include <pthread.h>

/* Where the wrapped key of the first recipient begins, without a context and a key id. */
enum { WRAPPED = 46, WRAPPED_LEN = 256, LOOKS = 20000 };

static unsigned calls;
static uint8_t out[1000];
static bool was_given_output;
static volatile bool is_over;
static volatile unsigned looks;
static const char *volatile seen;

/* The answers that are secrets are the data key and the seed of the encoding; the third is the salt. */
static int look_where(void *user_data, uint8_t *bytes, size_t len)
{
    bool is_output = bytes >= out && bytes < out + sizeof out;
    was_given_output = was_given_output || (is_output && calls < 2);
    return known_random(user_data, bytes, len);
}

/* Another thread, or a process that shares the memory. */
static void *watch(void *nothing)
{
    (void)nothing;
    while (!is_over) {
        const char *secret = secret_in(out + WRAPPED, 24);
        if (!secret)
            secret = secret_in(out + WRAPPED + WRAPPED_LEN - 24, 24);
        if (secret)
            seen = secret;
        looks++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
    libseal_rsa_public_key key = public_key("rsa-2048");
    libseal_recipient to_key = RECIPIENT(.key = &key);
    libseal_random random = RANDOM(.fill = look_where, .user_data = &calls);
    libseal_envelope envelope = ENVELOPE(.recipients = &to_key, .recipient_count = 1,
                                         .random = &random);
    pthread_t watcher;
    if (pthread_create(&watcher, NULL, watch, NULL) != 0)
        fatal("no thread", "pthread_create");
    libseal_status status = LIBSEAL_OK;
    while (looks < LOOKS && !seen && status == LIBSEAL_OK) {
        size_t len;
        calls = 0;
        status = libseal_seal(&envelope, (const uint8_t *)"21.5 C", 6, out, sizeof out, &len);
    }
    is_over = true;
    pthread_join(watcher, NULL);
    CHECK_STATUS(status, LIBSEAL_OK);
    CHECK(!was_given_output);
    check(!seen, __FILE__, __LINE__, "a secret in the output", seen ? seen : "");
    return report();
}
