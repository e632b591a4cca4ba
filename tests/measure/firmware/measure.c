/*
 * Measures sealing: prints lines of "name number", which report.py reads. Linked like the example,
 * and run with one instruction for each tick of the emulator's clock.
 */
#include "board.h"
#include "random.h"

#include <libseal_seal.h>
#include <stddef.h>
#include <stdint.h>

extern const uint8_t public_key[], public_key_end[];
extern uint8_t stack_bottom[];

#define PIECE 256
#define START_LEN LIBSEAL_SEALER_START_BOUND(1, 0, 0)

static const libseal_random random_source = LIBSEAL_RANDOM_INIT(stand_in_random, NULL);
static libseal_rsa_public_key key;
static uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN];
static const libseal_recipient recipient = LIBSEAL_RECIPIENT_INIT(&key, NULL);
static const libseal_envelope envelope = {
    .size = sizeof(libseal_envelope),
    .recipients = &recipient,
    .recipient_count = 1,
    .random = &random_source,
};
static libseal_sealer sealer;
static libseal_sealing_key sealing_key;
static uint8_t header[START_LEN], in[PIECE], out[START_LEN + PIECE];
static size_t len;

static void print_number(const char *name, uint32_t number)
{
    char digits[12], *next = digits + sizeof digits;
    *--next = 0;
    *--next = '\n';
    do {
        *--next = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    print(name);
    print(" ");
    print(next);
}

/* What counts instructions, or a multiple of them: see calibrate(). */
#if defined(__arm__)

#define SYST_CSR (*(volatile uint32_t *)0xe000e010)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018)

static void start_ticks(void)
{
    SYST_RVR = 0xffffff;
    SYST_CVR = 0;
    SYST_CSR = 5; /* the processor's clock, no interrupt */
}

static uint32_t ticks(void)
{
    return 0xffffff - SYST_CVR;
}

static const uint8_t *stack_pointer(void)
{
    const uint8_t *sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

#define LOOP "1: sub %0, %0, #1\ncmp %0, #0\nbne 1b"

#else

static uint32_t first_tick;

static uint32_t instret(void)
{
    uint32_t count;
    __asm__ volatile(".option arch, +zicsr\ncsrr %0, minstret" : "=r"(count));
    return count;
}

static void start_ticks(void)
{
    first_tick = instret();
}

static uint32_t ticks(void)
{
    return instret() - first_tick;
}

static const uint8_t *stack_pointer(void)
{
    const uint8_t *sp;
    __asm__ volatile("mv %0, sp" : "=r"(sp));
    return sp;
}

#define LOOP "1: addi %0, %0, -1\nnop\nbnez %0, 1b"

#endif

/* 3,000,000 instructions. */
static void calibrate(void)
{
    uint32_t count = 1000000;
    start_ticks();
    __asm__ volatile(LOOP : "+r"(count) : : "cc");
    print_number("calibration", ticks());
}

static void check(libseal_status status)
{
    if (status == LIBSEAL_OK)
        return;
    print(libseal_status_text(status));
    print("\n");
    stop(1);
}

static __attribute__((noinline)) void measure(const char *name, void (*operation)(void))
{
    volatile uint8_t *bottom = stack_bottom;
    size_t free_len = (size_t)(stack_pointer() - stack_bottom), untouched = 0;
    for (size_t i = 0; i < free_len; i++)
        bottom[i] = 0xa5;
    start_ticks();
    operation();
    uint32_t taken = ticks();
    while (untouched < free_len && bottom[untouched] == 0xa5)
        untouched++;
    print(name);
    print_number(" instructions", taken);
    print(name);
    print_number(" stack", (uint32_t)(free_len - untouched));
}

static void read_key(void)
{
    check(libseal_rsa_public_key_init(&key, sizeof key, public_key,
                                      (size_t)(public_key_end - public_key)));
}

static void read_pinned_key(void)
{
    check(libseal_rsa_public_key_init_pinned(&key, sizeof key, public_key,
                                             (size_t)(public_key_end - public_key), fingerprint));
}

static void start(void)
{
    check(libseal_sealer_start(&sealer, sizeof sealer, &envelope, out, sizeof out, &len));
}

static void update(size_t pieces)
{
    for (; pieces > 0; pieces--)
        check(libseal_sealer_update(&sealer, in, sizeof in, out, sizeof out, &len));
}

static void update_1_kib(void)
{
    update(1024 / PIECE);
}

static void update_16_kib(void)
{
    update(16384 / PIECE);
}

static void finish(void)
{
    check(libseal_sealer_finish(&sealer, out, sizeof out, &len));
}

static void seal_once(void)
{
    check(libseal_seal(&envelope, in, 64, out, sizeof out, &len));
}

static void init_sealing_key(void)
{
    check(libseal_sealing_key_init(&sealing_key, sizeof sealing_key, &envelope, NULL, header,
                                   sizeof header, &len));
}

static void seal_under_sealing_key(void)
{
    check(libseal_sealing_key_seal(&sealing_key, in, 64, out, sizeof out, &len));
}

static void start_under_sealing_key(void)
{
    check(libseal_sealing_key_start(&sealing_key, &sealer, sizeof sealer, sizeof in, out,
                                    sizeof out, &len));
}

static void finish_with(void)
{
    check(libseal_sealer_finish_with(&sealer, in, sizeof in, out, sizeof out, &len));
}

static void self_test(void)
{
    check(libseal_self_test());
}

int main(void)
{
    print_number("LIBSEAL_STACK_SIZE", LIBSEAL_STACK_SIZE);
    print_number("sizeof libseal_rsa_public_key", sizeof(libseal_rsa_public_key));
    print_number("sizeof libseal_sealer", sizeof(libseal_sealer));
    print_number("sizeof libseal_sealing_key", sizeof(libseal_sealing_key));
    calibrate();
    measure("libseal_rsa_public_key_init", read_key);
    check(libseal_public_key_fingerprint(&key, fingerprint));
    measure("libseal_rsa_public_key_init_pinned", read_pinned_key);
    measure("libseal_sealer_start", start);
    measure("1 KiB", update_1_kib);
    measure("libseal_sealer_finish", finish);
    start();
    measure("16 KiB", update_16_kib);
    finish();
    measure("libseal_seal", seal_once);
    measure("libseal_sealing_key_init", init_sealing_key);
    measure("libseal_sealing_key_seal", seal_under_sealing_key);
    measure("libseal_sealing_key_start", start_under_sealing_key);
    measure("libseal_sealer_finish_with", finish_with);
    libseal_sealing_key_wipe(&sealing_key);
    measure("libseal_self_test", self_test);
    return 0;
}
