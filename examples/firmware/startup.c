/* From reset to main(). A real board's vendor brings a file like this. */
#include "board.h"

#include <string.h>

/* From sections.ld. */
extern uint8_t data_start[], data_end[], data_in_flash[], bss_start[], bss_end[], stack_top[];

int main(void);

static _Noreturn void start(void)
{
    memcpy(data_start, data_in_flash, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    stop(main());
}

static void fault(void)
{
    print("fault\n");
    stop(3);
}

#if defined(__arm__)

static void reset(void)
{
#if defined(__ARM_FP)
    /* Lets the program use the FPU: full access to coprocessors 10 and 11 in CPACR. */
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
    __asm__ volatile("dsb\nisb");
#endif
    start();
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    (uintptr_t)stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,     (uintptr_t)fault, (uintptr_t)fault, 0,
    0,                    0,                0,                (uintptr_t)fault,
    (uintptr_t)fault,     0,                (uintptr_t)fault, (uintptr_t)fault,
};

#else

/* RISC-V begins at the first instruction of the flash, without a stack. */
__attribute__((section(".vectors"), used, naked)) static void reset(void)
{
    __asm__ volatile(".option arch, +zicsr\n"
                     "la sp, stack_top\n"
                     "la t0, %0\n"
                     "csrw mtvec, t0\n"
                     "j %1"
                     :
                     : "i"(fault), "i"(start));
}

#endif
