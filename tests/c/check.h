/* CHECK(condition) counts; CHECK_STATUS(call, expected) also says what came instead. */
#ifndef CHECK_H
#define CHECK_H

#include <libseal_seal.h>
#include <stdio.h>

static int passed, failed;

static inline void check(int ok, const char *file, int line, const char *what, const char *found)
{
    if (ok) {
        passed++;
        return;
    }
    failed++;
    fprintf(stderr, "%s:%d: %s%s%s\n", file, line, what, *found ? ", found " : "", found);
}

static inline void check_status(libseal_status found, libseal_status expected, const char *file,
                                int line, const char *what)
{
    check(found == expected, file, line, what, libseal_status_name(found));
}

/* The last line of a test program, and what main returns. */
static inline int report(void)
{
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}

#define CHECK(condition) check((condition) ? 1 : 0, __FILE__, __LINE__, #condition, "")
#define CHECK_STATUS(call, expected) \
    check_status((call), (expected), __FILE__, __LINE__, #call " is " #expected)

#endif
