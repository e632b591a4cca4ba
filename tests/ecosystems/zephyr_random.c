/* The source of random bytes for Zephyr, with a stub of its kernel. */
#include <libseal_zephyr.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>

#define CHECK(condition) \
    ((condition) ? (void)0 : (printf("%d: %s\n", __LINE__, #condition), exit(1)))

/* Does the driver wait? Does it fail? Does another thread keep its turn? */
static bool driver_waits, driver_fails, another_thread;
/* What the work queue will do when the driver comes back. */
static struct k_work *pending;
static int64_t now;

k_timepoint_t sys_timepoint_calc(k_timeout_t timeout)
{
    return now + timeout;
}

k_timeout_t sys_timepoint_timeout(k_timepoint_t end)
{
    return end > now ? end - now : 0;
}

void k_sem_reset(struct k_sem *sem)
{
    sem->count = 0;
}

void k_sem_give(struct k_sem *sem)
{
    sem->count = 1;
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
    if (sem->count == 0) {
        now += timeout;
        return -11;
    }
    sem->count = 0;
    return 0;
}

int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout)
{
    if (another_thread || mutex->taken) {
        now += timeout;
        return -11;
    }
    mutex->taken = 1;
    return 0;
}

int k_mutex_unlock(struct k_mutex *mutex)
{
    mutex->taken = 0;
    return 0;
}

int k_work_submit(struct k_work *work)
{
    if (driver_waits)
        pending = work;
    else
        work->handler(work);
    return 1;
}

int sys_csrand_get(void *dst, size_t len)
{
    if (driver_fails)
        return -5;
    return getrandom(dst, len, 0) == (ssize_t)len ? 0 : -5;
}

int main(void)
{
    uint8_t out[40] = {0}, zeros[40] = {0};

    for (size_t len = 20; len <= 32; len++) {
        memset(out, 0, sizeof out);
        CHECK(libseal_zephyr_random(NULL, out, len) == 0);
        CHECK(memcmp(out + len - 4, zeros, 4) != 0);
        CHECK(memcmp(out + len, zeros, sizeof out - len) == 0);
    }
    CHECK(libseal_zephyr_random(NULL, out, 33) != 0);

    driver_fails = true;
    CHECK(libseal_zephyr_random(NULL, out, 32) != 0);
    driver_fails = false;
    CHECK(libseal_zephyr_random(NULL, out, 32) == 0);

    /* The driver does not come back in time, and later it does: nobody gets that answer. */
    driver_waits = true;
    memset(out, 0, sizeof out);
    int64_t before = now;
    CHECK(libseal_zephyr_random(NULL, out, 32) != 0);
    CHECK(now - before == CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS);
    driver_waits = false;
    CHECK(libseal_zephyr_random(NULL, out, 32) != 0);
    pending->handler(pending);
    CHECK(memcmp(out, zeros, sizeof out) == 0);
    CHECK(libseal_zephyr_random(NULL, out, 32) == 0);

    another_thread = true;
    before = now;
    CHECK(libseal_zephyr_random(NULL, out, 32) != 0);
    CHECK(now - before == CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS);
    another_thread = false;
    CHECK(libseal_zephyr_random(NULL, out, 32) == 0);

    printf("passed\n");
    return 0;
}
