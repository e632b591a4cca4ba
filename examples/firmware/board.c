#include "board.h"

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };
enum { ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static void semihost(uintptr_t operation, const void *argument)
{
#if defined(__arm__)
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
#else
    register uintptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    /* The debugger knows this sequence; it must not be compressed nor lie across two pages. */
    __asm__ volatile(".balign 16\n"
                     ".option push\n"
                     ".option norvc\n"
                     "slli x0, x0, 0x1f\n"
                     "ebreak\n"
                     "srai x0, x0, 7\n"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
#endif
}

void print(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void print_hex(const char *name, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char text[65];
    size_t used = 0;

    print(name);
    print(": ");
    for (size_t i = 0; i < len; i++) {
        text[used++] = digits[bytes[i] >> 4];
        text[used++] = digits[bytes[i] & 15];
        if (used == sizeof text - 1 || i + 1 == len) {
            text[used] = 0;
            print(text);
            used = 0;
        }
    }
    print("\n");
}

_Noreturn void stop(int status)
{
    const uintptr_t argument[] = {ADP_STOPPED_APPLICATION_EXIT, (uintptr_t)status};
    semihost(SYS_EXIT_EXTENDED, argument);
    for (;;) {
    }
}
