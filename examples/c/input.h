/*
 * A file as the source of a reader. Include after defining _POSIX_C_SOURCE and _FILE_OFFSET_BITS.
 */
#ifndef INPUT_H
#define INPUT_H

#include <libseal.h>

#include <stdio.h>
#include <sys/types.h>

struct input {
    FILE *file;
    uint64_t position;
};

/* A libseal_read_fn. `user_data` is the input. After an error, errno says why. */
static inline int read_input(void *user_data, uint64_t offset, uint8_t *out, size_t len,
                             size_t *filled)
{
    struct input *in = user_data;
    /* Only if it has to, because not every file can seek. */
    if (offset != in->position && fseeko(in->file, (off_t)offset, SEEK_SET) != 0)
        return -1;
    *filled = fread(out, 1, len, in->file);
    in->position = offset + *filled;
    return ferror(in->file) ? -1 : 0;
}

#endif
