/* Sealing and unsealing on several threads. */
#define _POSIX_C_SOURCE 200809L

#include "check.h"
#include "unseal.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Long enough for several threads, and with a last chunk that is not full. */
#define LEN ((size_t)1200000)

static uint8_t plaintext[LEN];
static uint8_t message[LEN + 4000], expected[sizeof message], opened[LEN + 16384];
static size_t expected_len;

static libseal_sealer sealer; /* zero-initialised: some tests never start it */
static size_t written;

static const size_t counts[] = {1, 2, 3, 0};

/* The same message each time, but for what the threads do wrong. */
static size_t start(void)
{
    source s = source_of(good_byte, 0);
    const libseal_random random = random_from(&s);
    libseal_rsa_public_key key = public_key("rsa-2048");
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_envelope envelope = {
        .size = sizeof(libseal_envelope),
        .recipients = &to, .recipient_count = 1, .random = &random};
    CHECK_STATUS(libseal_sealer_start(&sealer, sizeof sealer, &envelope, message, sizeof message,
                                      &written),
                 LIBSEAL_OK);
    return written;
}

static void is_expected(size_t len)
{
    CHECK(len == expected_len && memcmp(message, expected, len) == 0);
    CHECK(is_filled_with((uint8_t *)&sealer, sizeof sealer, 0));
}

static void on_one_thread(void)
{
    size_t at = start();
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext, LEN, message + at,
                                            sizeof message - at, &written),
                 LIBSEAL_OK);
    expected_len = at + written;
    memcpy(expected, message, expected_len);
    CHECK(unseals_to(message, expected_len, plaintext, LEN, "rsa-2048", NULL, 0));
}

static void seals(size_t threads)
{
    size_t at = start();
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, threads), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_finish_with(&sealer, plaintext, LEN, message + at,
                                            sizeof message - at, &written),
                 LIBSEAL_OK);
    is_expected(at + written);

    /* Not from the beginning of a chunk, and with another count for each piece. */
    static const size_t lens[] = {100, 600000, LEN - 600100};
    at = start();
    for (size_t i = 0, done = 0; i < ARRAY_LEN(lens); done += lens[i], i++) {
        CHECK_STATUS(libseal_sealer_set_threads(&sealer, threads + i), LIBSEAL_OK);
        CHECK_STATUS(libseal_sealer_update(&sealer, plaintext + done, lens[i], message + at,
                                           sizeof message - at, &written),
                     LIBSEAL_OK);
        at += written;
    }
    CHECK_STATUS(libseal_sealer_finish(&sealer, message + at, sizeof message - at, &written),
                 LIBSEAL_OK);
    is_expected(at + written);
}

static libseal_unsealer *new_unsealer(size_t threads)
{
    libseal_unsealer *unsealer;
    CHECK_STATUS(libseal_unsealer_new(NULL, 0, &unsealer), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_unwrap(unsealer, unwrap_openssl, "rsa-2048"), LIBSEAL_OK);
    CHECK_STATUS(libseal_unsealer_set_threads(unsealer, threads), LIBSEAL_OK);
    return unsealer;
}

static libseal_status update(libseal_unsealer *unsealer)
{
    return libseal_unsealer_update(unsealer, message, expected_len, NULL, opened, sizeof opened,
                                   &written);
}

static void unseals(size_t threads)
{
    memcpy(message, expected, expected_len);
    libseal_unsealer *unsealer = new_unsealer(threads);
    CHECK_STATUS(update(unsealer), LIBSEAL_OK);
    size_t len = written;
    CHECK_STATUS(libseal_unsealer_finish(unsealer, opened + len, sizeof opened - len, &written),
                 LIBSEAL_OK);
    CHECK(len + written == LEN && memcmp(opened, plaintext, LEN) == 0);
    libseal_unsealer_free(unsealer);

    /* Of a message that is altered somewhere, nothing is left. */
    message[expected_len / 2] ^= 1;
    unsealer = new_unsealer(threads);
    memset(opened, 0xaa, sizeof opened);
    CHECK_STATUS(update(unsealer), LIBSEAL_ERR_AUTHENTICATION_FAILED);
    CHECK(written == 0 && is_untouched_or_wiped(opened, sizeof opened));
    CHECK_STATUS(libseal_unsealer_set_threads(unsealer, threads), LIBSEAL_ERR_INVALID_STATE);
    libseal_unsealer_free(unsealer);
}

static void wrong_calls(void)
{
    CHECK_STATUS(libseal_sealer_set_threads(NULL, 2), LIBSEAL_ERR_NULL_POINTER);
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 2), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_sealer_set_threads((libseal_sealer *)(void *)((char *)&sealer + 4), 2),
                 LIBSEAL_ERR_INVALID_ARGUMENT);
    start();
    libseal_sealer copy = sealer;
    CHECK_STATUS(libseal_sealer_set_threads(&copy, 2), LIBSEAL_ERR_INVALID_STATE);
    libseal_sealer_wipe(&copy);
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 2), LIBSEAL_OK);
    libseal_sealer_wipe(&sealer);
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 2), LIBSEAL_ERR_INVALID_STATE);
    CHECK_STATUS(libseal_unsealer_set_threads(NULL, 2), LIBSEAL_ERR_NULL_POINTER);
}

/* An error ends the sealer, and its threads. */
static void errors(void)
{
    size_t at = start();
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 2), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, LEN, message + at, sizeof message - at,
                                       &written),
                 LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, NULL, 1, message, 100, &written),
                 LIBSEAL_ERR_NULL_POINTER);
    CHECK(is_filled_with((uint8_t *)&sealer, sizeof sealer, 0));
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 2), LIBSEAL_ERR_INVALID_STATE);
}

/* The child has none of the threads of its parent, and seals all the same. It is killed in the end:
 * what those threads held would look lost in it. */
static void fork_goes_on(void)
{
    size_t at = start();
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 2), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, LEN / 2, message + at,
                                       sizeof message - at, &written),
                 LIBSEAL_OK);
    at += written;
    int result[2];
    if (pipe(result) != 0)
        fatal("no pipe", "fork_goes_on");
    pid_t child = fork();
    libseal_status status = libseal_sealer_finish_with(
        &sealer, plaintext + LEN / 2, LEN - LEN / 2, message + at, sizeof message - at, &written);
    if (child == 0) {
        char is_good = status == LIBSEAL_OK && memcmp(message, expected, expected_len) == 0;
        if (write(result[1], &is_good, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CHECK_STATUS(status, LIBSEAL_OK);
    is_expected(at + written);
    char is_good = 0;
    close(result[1]);
    CHECK(child > 0 && read(result[0], &is_good, 1) == 1 && is_good);
    close(result[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
}

#ifdef __linux__
static int alone; /* Threads before there are any of the library's: an emulator has some. */

static int threads_of_process(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && readdir(tasks))
        count++;
    if (tasks)
        closedir(tasks);
    return count;
}

static bool is_soon_alone(void)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < 1000 && threads_of_process() > alone; i++)
        nanosleep(&moment, NULL);
    return threads_of_process() == alone;
}

/* They are there from the first long piece to the end of the sealer. */
static void threads_come_and_go(void)
{
    CHECK(is_soon_alone());
    size_t at = start();
    CHECK_STATUS(libseal_sealer_set_threads(&sealer, 3), LIBSEAL_OK);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, 1000, message + at, sizeof message - at,
                                       &written),
                 LIBSEAL_OK);
    CHECK(threads_of_process() == alone);
    CHECK_STATUS(libseal_sealer_update(&sealer, plaintext, LEN, message + at, sizeof message - at,
                                       &written),
                 LIBSEAL_OK);
    CHECK(threads_of_process() == alone + 3);
    libseal_sealer_wipe(&sealer);
    CHECK(is_soon_alone());
}
#endif

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
#ifdef __linux__
    alone = threads_of_process();
#endif
    fill(plaintext, sizeof plaintext);
    wrong_calls();
    on_one_thread();
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        seals(counts[i]);
        unseals(counts[i]);
    }
    errors();
    /* An emulator of user programs may not survive threads in a forked child. */
    if (!getenv("LIBSEAL_TEST_NO_FORK"))
        fork_goes_on();
#ifdef __linux__
    threads_come_and_go();
#endif
    return report();
}
