/* Stands for Zephyr's kernel: one thread, and a work queue. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ARG_UNUSED(name) (void)(name)

typedef int k_spinlock_key_t;
struct k_spinlock {
    int taken;
};
k_spinlock_key_t k_spin_lock(struct k_spinlock *lock);
void k_spin_unlock(struct k_spinlock *lock, k_spinlock_key_t key);

typedef int64_t k_timeout_t;
typedef int64_t k_timepoint_t;
#define K_MSEC(ms) (ms)
k_timepoint_t sys_timepoint_calc(k_timeout_t timeout);
k_timeout_t sys_timepoint_timeout(k_timepoint_t end);

struct k_sem {
    int count;
};
#define K_SEM_DEFINE(name, count, limit) struct k_sem name = {count}
void k_sem_reset(struct k_sem *sem);
void k_sem_give(struct k_sem *sem);
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);

struct k_mutex {
    int taken;
};
#define K_MUTEX_DEFINE(name) struct k_mutex name
int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout);
int k_mutex_unlock(struct k_mutex *mutex);

struct k_work {
    void (*handler)(struct k_work *work);
};
#define K_WORK_DEFINE(name, function) struct k_work name = {function}
int k_work_submit(struct k_work *work);
