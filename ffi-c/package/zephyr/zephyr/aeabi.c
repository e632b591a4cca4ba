/*
 * What compilers for ARM call by themselves, and newlib and picolibc have, but not Zephyr's minimal libc.
 * Weak, so that those of a program or of a later Zephyr come first.
 */
#include <stddef.h>
#include <string.h>
#include <zephyr/toolchain.h>

#define COPY(name, function)                              \
    __weak void name(void *to, const void *from, size_t n) \
    {                                                     \
        function(to, from, n);                            \
    }

#define CLEAR(name)                   \
    __weak void name(void *to, size_t n) \
    {                                 \
        memset(to, 0, n);             \
    }

/* The length comes before the byte. */
#define SET(name)                                \
    __weak void name(void *to, size_t n, int byte) \
    {                                            \
        memset(to, byte, n);                     \
    }

/* The number is the alignment of both. */
COPY(__aeabi_memcpy, memcpy)
COPY(__aeabi_memcpy4, memcpy)
COPY(__aeabi_memcpy8, memcpy)
COPY(__aeabi_memmove, memmove)
COPY(__aeabi_memmove4, memmove)
COPY(__aeabi_memmove8, memmove)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
