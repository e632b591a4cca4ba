#include <libseal_zephyr.h>
#include <stdbool.h>
#include <string.h>
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>

#if !defined(CONFIG_CSPRNG_ENABLED) && !defined(CONFIG_CSPRING_ENABLED) && \
    !defined(CONFIG_TEST_CSPRNG_GENERATOR)
#error "sys_csrand_get() is missing: this board has no driver for random numbers, or it is off; \
set CONFIG_ENTROPY_GENERATOR=y, or CONFIG_LIBSEAL_RANDOM=n and use a source of your own"
#endif

/*
 * An answer may come after the thread that asked has given up, while another one waits. So requests are
 * numbered: an answer has the number that the last request had before the driver was asked, and a thread
 * takes only the answer to its own request. The lock guards all four.
 */
static struct k_spinlock lock;
static uint32_t asked, answered;
static uint8_t answer[32];
static int result;

/* Says only that there may be an answer. */
static K_SEM_DEFINE(woken, 0, 1);
static K_MUTEX_DEFINE(turn);

static void ask(struct k_work *work)
{
    /* The driver writes here, without the lock. The work queue runs this function once at a time. */
    static uint8_t bytes[sizeof answer];

    ARG_UNUSED(work);
    k_spinlock_key_t key = k_spin_lock(&lock);
    uint32_t number = asked;
    k_spin_unlock(&lock, key);

    int status = sys_csrand_get(bytes, sizeof bytes);

    key = k_spin_lock(&lock);
    memcpy(answer, bytes, sizeof answer);
    result = status;
    answered = number;
    k_spin_unlock(&lock, key);
    memset(bytes, 0, sizeof bytes);
    k_sem_give(&woken);
}

static K_WORK_DEFINE(question, ask);

static uint32_t next_number(void)
{
    k_spinlock_key_t key = k_spin_lock(&lock);
    uint32_t number = ++asked;
    k_spin_unlock(&lock, key);
    return number;
}

/* Is the request answered? Then `status` is set, and if it is 0, `out` is filled. */
static bool take_answer(uint32_t number, uint8_t *out, size_t len, int *status)
{
    k_spinlock_key_t key = k_spin_lock(&lock);
    bool mine = answered == number;
    if (mine) {
        *status = result;
        if (result == 0)
            memcpy(out, answer, len);
        memset(answer, 0, sizeof answer);
    }
    k_spin_unlock(&lock, key);
    return mine;
}

static int request(uint8_t *out, size_t len, k_timepoint_t end)
{
    uint32_t number = next_number();
    int status;

    /* If the driver still works on an earlier request, it is asked again after that. */
    if (k_work_submit(&question) < 0)
        return 1;
    while (k_sem_take(&woken, sys_timepoint_timeout(end)) == 0)
        if (take_answer(number, out, len, &status))
            return status;
    return 1;
}

int libseal_zephyr_random(void *user_data, uint8_t *out, size_t len)
{
    k_timepoint_t end = sys_timepoint_calc(K_MSEC(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));

    ARG_UNUSED(user_data);
    if (len > sizeof answer || k_mutex_lock(&turn, sys_timepoint_timeout(end)) != 0)
        return 1;
    int status = request(out, len, end);
    k_mutex_unlock(&turn);
    return status;
}
