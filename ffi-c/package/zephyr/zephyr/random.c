#include <libseal_zephyr.h>
#include <string.h>
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>

#if !defined(CONFIG_CSPRNG_ENABLED) && !defined(CONFIG_CSPRING_ENABLED) && \
    !defined(CONFIG_TEST_CSPRNG_GENERATOR)
#error "sys_csrand_get() is missing: this board has no driver for random numbers, or it is off; \
set CONFIG_ENTROPY_GENERATOR=y, or CONFIG_LIBSEAL_RANDOM=n and use a source of your own"
#endif

/*
 * An answer that comes too late goes into this buffer, and not to a caller who has left. Nothing more is
 * asked until it has come.
 */
static uint8_t answer[32];
static int result;
static atomic_t asked;

static K_SEM_DEFINE(answered, 0, 1);
static K_MUTEX_DEFINE(turn);

static void ask(struct k_work *work)
{
    ARG_UNUSED(work);
    result = sys_csrand_get(answer, sizeof answer);
    atomic_set(&asked, 0);
    k_sem_give(&answered);
}

static K_WORK_DEFINE(question, ask);

static int take_answer(uint8_t *out, size_t len, k_timepoint_t end)
{
    if (atomic_set(&asked, 1) != 0)
        return 1;
    k_sem_reset(&answered);
    if (k_work_submit(&question) < 0 ||
        k_sem_take(&answered, sys_timepoint_timeout(end)) != 0)
        return 1;
    memcpy(out, answer, len);
    memset(answer, 0, sizeof answer);
    return result;
}

int libseal_zephyr_random(void *user_data, uint8_t *out, size_t len)
{
    k_timepoint_t end = sys_timepoint_calc(K_MSEC(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));

    ARG_UNUSED(user_data);
    if (len > sizeof answer || k_mutex_lock(&turn, sys_timepoint_timeout(end)) != 0)
        return 1;
    int status = take_answer(out, len, end);
    k_mutex_unlock(&turn);
    return status;
}
