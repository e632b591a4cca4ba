/* Looks for secrets in the memory of this process: stacks, heap and variables. */
#ifndef PROCESS_MEMORY_H
#define PROCESS_MEMORY_H

#include "../support.h"
#include "scan.h"

#include <stdio.h>
#include <string.h>

/* Memory that may hold secrets: the storage of a handle that is alive. */
typedef struct place {
    const void *start;
    size_t len;
} place;

static inline const char *secret_outside(const uint8_t *start, const uint8_t *end, place but)
{
    const uint8_t *hole = but.start;
    if (!hole || hole < start || hole >= end)
        return secret_in(start, (size_t)(end - start));
    const char *found = secret_in(start, (size_t)(hole - start));
    return found ? found : secret_in(hole + but.len, (size_t)(end - hole) - but.len);
}

/* Whether no secret is in memory, except in the place `but`; says so if one is. Without `with_heap`,
 * only stack and variables. */
static inline bool is_clean(const char *after, place but, bool with_heap)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        fatal("cannot read", "/proc/self/maps");
    char line[512];
    bool clean = true;
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char rights[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3 || rights[0] != 'r' ||
            rights[1] != 'w' || (!with_heap && !strstr(line, "[stack]") && !strchr(line, '/')))
            continue;
        const char *found = secret_outside((const uint8_t *)start, (const uint8_t *)end, but);
        if (found) {
            fprintf(stderr, "after %s: %s in %s", after, found, line);
            clean = false;
        }
    }
    fclose(maps);
    return clean;
}

#endif
