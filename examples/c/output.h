/*
 * A file that appears under its name only when it is complete: until then it is NAME.partial.
 * Include after defining _POSIX_C_SOURCE.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
    const char *name;
    char *partial;
    FILE *file;
};

static inline int output_open(struct output *output, const char *name)
{
    size_t size = strlen(name) + sizeof ".partial";
    output->name = name;
    output->file = NULL;
    output->partial = malloc(size);
    if (!output->partial)
        return -1;
    snprintf(output->partial, size, "%s.partial", name);
    /* "x": neither overwrite a file that someone else has put there, nor follow a link. */
    remove(output->partial);
    output->file = fopen(output->partial, "wbx");
    if (output->file)
        return 0;
    int saved = errno;
    free(output->partial);
    output->partial = NULL;
    errno = saved;
    return -1;
}

static inline int output_write(struct output *output, const void *bytes, size_t len)
{
    return fwrite(bytes, 1, len, output->file) == len ? 0 : -1;
}

/* Gives the file its name. That the disk is full may show only when the file is closed. */
static inline int output_commit(struct output *output)
{
    int closed = fclose(output->file);
    output->file = NULL;
    if (closed != 0 || rename(output->partial, output->name) != 0)
        return -1;
    free(output->partial);
    output->partial = NULL;
    return 0;
}

/* Removes what there is, unless it was committed. Keeps errno. */
static inline void output_discard(struct output *output)
{
    int saved = errno;
    if (output->file)
        fclose(output->file);
    if (output->partial)
        remove(output->partial);
    free(output->partial);
    output->file = NULL;
    output->partial = NULL;
    errno = saved;
}

#endif
