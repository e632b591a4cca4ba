/* The age of a sealing key stood still while the machine slept. */
#ifdef __linux__
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "../check.h"
#include "../support.h"

#include <time.h>

#ifdef __linux__
static time_t asleep; /* Seconds. */
static int readings;

/* In place of that of the C library, for this program and the static library in it: a machine that has
 * slept. Only one of its clocks has gone on. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_BOOTTIME && result == 0)
        time->tv_sec += asleep;
    readings++;
    return result;
}

static libseal_sealing_key sealing_key;
static uint8_t header[1000];
static size_t header_len;

static void init(const libseal_recipient *to, const libseal_sealing_limits *limits)
{
    const libseal_envelope envelope = ENVELOPE(.recipients = to, .recipient_count = 1);
    CHECK_STATUS(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, limits, header,
                                          sizeof header, &header_len),
                 LIBSEAL_OK);
}

static libseal_status seal(void)
{
    uint8_t out[1000];
    size_t written;
    return libseal_sealing_key_seal(&sealing_key, NULL, 0, out, sizeof out, &written);
}

static void sleeps(void)
{
    const libseal_rsa_public_key key = public_key("rsa-2048");
    const libseal_recipient to = RECIPIENT(.key = &key);
    const libseal_sealing_limits hour = LIMITS(.age_seconds = 3600);
    init(&to, &hour);
    CHECK_STATUS(seal(), LIBSEAL_OK);
    asleep = 3000;
    CHECK_STATUS(seal(), LIBSEAL_OK);
    asleep = 24 * 3600;
    CHECK_STATUS(seal(), LIBSEAL_ERR_SEALING_KEY_EXHAUSTED);
    CHECK(readings > 0);
    libseal_sealing_key_wipe(&sealing_key);

    /* A machine need not have a clock if no one asks for an age. */
    readings = 0;
    init(&to, NULL);
    CHECK_STATUS(seal(), LIBSEAL_OK);
    CHECK(readings == 0);
    libseal_sealing_key_wipe(&sealing_key);
}
#endif

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_dir = argv[1];
#ifdef __linux__
    sleeps();
#else
    CHECK(1);
#endif
    return report();
}
