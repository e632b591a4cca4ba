/* The source of random bytes for Zephyr, with a stub of its kernel. */
#include <libseal_zephyr.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>

#define CHECK(condition) \
    ((condition) ? (void)0 : (printf("%d: %s\n", __LINE__, #condition), exit(1)))

/* Does the driver wait? Does it fail? How often was it asked? Its bytes are that number. */
static bool driver_waits, driver_fails;
static uint8_t driver_asked;
/* Does the work queue refuse work? Does another processor run between its answer and what wakes for it? */
static bool queue_refuses, wakes_late;
/* Does another thread keep its turn? */
static bool another_thread;
static int64_t now;

/* The work queue is a thread that runs while the one that asks waits. */
static ucontext_t thread, work_queue;
static struct k_work *queued;
static bool running, spinning;

static void pause_work(void)
{
    CHECK(!spinning);
    swapcontext(&work_queue, &thread);
}

static void work(void)
{
    for (;;) {
        while (queued) {
            struct k_work *next = queued;
            queued = NULL;
            running = true;
            next->handler(next);
            running = false;
        }
        pause_work();
    }
}

static void let_it_work(void)
{
    swapcontext(&thread, &work_queue);
}

int k_work_submit(struct k_work *work)
{
    if (queue_refuses)
        return -16;
    bool again = queued;
    queued = work;
    return again ? 0 : running ? 2 : 1;
}

int sys_csrand_get(void *dst, size_t len)
{
    CHECK(!spinning);
    uint8_t number = ++driver_asked;
    memset(dst, number, len / 2);
    while (driver_waits)
        pause_work();
    memset(dst, number, len);
    return driver_fails ? -5 : 0;
}

k_spinlock_key_t k_spin_lock(struct k_spinlock *lock)
{
    CHECK(!lock->taken);
    lock->taken = spinning = true;
    return 7;
}

void k_spin_unlock(struct k_spinlock *lock, k_spinlock_key_t key)
{
    CHECK(lock->taken && key == 7);
    lock->taken = spinning = false;
}

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
    bool late = wakes_late;
    if (late)
        pause_work();
    sem->count = 1;
    if (late)
        pause_work();
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
    CHECK(!spinning);
    if (sem->count == 0)
        let_it_work();
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

static uint8_t out[40];

/* Are there 32 bytes of the driver, of the last time that it was asked? */
static bool fills(void)
{
    memset(out, 0, sizeof out);
    if (libseal_zephyr_random(NULL, out, 32) != 0)
        return false;
    for (size_t i = 0; i < 32; i++)
        CHECK(out[i] == driver_asked);
    return true;
}

/* Does it give up, in time, and leave `out` alone? */
static bool gives_up(int64_t milliseconds)
{
    static const uint8_t zeros[sizeof out];
    int64_t before = now;
    return !fills() && now - before == milliseconds && memcmp(out, zeros, sizeof out) == 0;
}

int main(void)
{
    static char stack[64 * 1024];
    getcontext(&work_queue);
    work_queue.uc_stack.ss_sp = stack;
    work_queue.uc_stack.ss_size = sizeof stack;
    makecontext(&work_queue, work, 0);

    for (size_t len = 20; len <= 32; len++) {
        memset(out, 0, sizeof out);
        CHECK(libseal_zephyr_random(NULL, out, len) == 0);
        CHECK(out[0] == driver_asked && out[len - 1] == driver_asked && out[len] == 0);
    }
    CHECK(libseal_zephyr_random(NULL, out, 33) != 0);

    driver_fails = true;
    CHECK(gives_up(0));
    driver_fails = false;
    CHECK(fills());

    queue_refuses = true;
    CHECK(gives_up(0));
    queue_refuses = false;
    CHECK(fills());

    another_thread = true;
    CHECK(gives_up(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));
    another_thread = false;
    CHECK(fills());

    /* The driver comes back while no one waits. */
    driver_waits = true;
    CHECK(gives_up(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));
    CHECK(gives_up(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));
    driver_waits = false;
    let_it_work();
    CHECK(fills());

    /* It comes back while another request waits, which gets an answer of its own. */
    driver_waits = true;
    CHECK(gives_up(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));
    uint8_t late = driver_asked;
    driver_waits = false;
    CHECK(fills());
    CHECK(out[0] == late + 1);

    /* It has come back, and what wakes for that answer wakes the next request. */
    driver_waits = true;
    CHECK(gives_up(CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS));
    late = driver_asked;
    driver_waits = false;
    wakes_late = true;
    let_it_work();
    wakes_late = false;
    CHECK(fills());
    CHECK(out[0] == late + 1);

    printf("passed\n");
    return 0;
}
