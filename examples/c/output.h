/*
 * A file that appears under its name only when it is complete: until then it is NAME.partial, which
 * only its owner can read. Include after defining _POSIX_C_SOURCE.
 *
 * An old file is replaced if it is a regular file that may be written, and keeps its group and its
 * permissions, but not those to run as another user. A killed process leaves NAME.partial behind. The
 * next one takes it over, but not from a process that still writes it.
 *
 * What this does not do: follow symbolic links, which it refuses; keep the owner or an ACL (with an
 * ACL, only the owner's permissions remain; ACLs on systems other than Linux are not seen); clean up
 * after a signal; know before the end that NAME cannot be renamed over, as if it is a mount point.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/xattr.h>
#endif

/* Without standard streams, which a caller may have closed, a file would take their place, and what is
 * printed would go into it. */
static inline int reserve_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

struct output {
    const char *name;
    char *partial;
    FILE *file;
};

static inline int output_is_replaceable(const char *name, const char **why)
{
    struct stat old;
    *why = NULL;
    if (lstat(name, &old) != 0) {
        if (errno != ENOENT)
            *why = strerror(errno);
    } else if (S_ISDIR(old.st_mode)) {
        *why = strerror(EISDIR);
    } else if (!S_ISREG(old.st_mode)) {
        *why = "not a regular file";
    } else if (faccessat(AT_FDCWD, name, W_OK, AT_EACCESS) != 0) {
        *why = strerror(errno);
    }
    return *why == NULL;
}

/* Whether the file that was opened is ours alone, and still the one that has the name. */
static inline int output_is_ours(int fd, const char *partial)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && lstat(partial, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino &&
           S_ISREG(opened.st_mode) && opened.st_uid == geteuid() && opened.st_nlink == 1;
}

/* Opens NAME.partial, empty and locked until it is closed. Returns -1 and says why if it cannot. */
static inline int output_open_partial(const char *partial, const char **why)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(partial, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    *why = NULL;
    if (fd < 0) {
        static char text[1024];
        snprintf(text, sizeof text, "cannot create %s: %s", partial, strerror(errno));
        *why = text;
        return -1;
    }
    if (fcntl(fd, F_SETLK, &lock) != 0)
        *why = errno == EACCES || errno == EAGAIN ? "another process is writing it" : strerror(errno);
    else if (!output_is_ours(fd, partial))
        *why = "another file has the name with .partial";
    else if (ftruncate(fd, 0) != 0)
        *why = strerror(errno);
    if (*why) {
        close(fd);
        return -1;
    }
    fchmod(fd, 0600);
    return fd;
}

/* Returns NULL, or why NAME cannot be written. */
static inline const char *output_open(struct output *output, const char *name)
{
    size_t size = strlen(name) + sizeof ".partial";
    const char *why;
    output->name = name;
    output->file = NULL;
    output->partial = NULL;
    if (!output_is_replaceable(name, &why))
        return why;
    if (reserve_standard_streams() != 0)
        return strerror(errno);
    char *partial = malloc(size);
    if (!partial)
        return strerror(errno);
    snprintf(partial, size, "%s.partial", name);
    int fd = output_open_partial(partial, &why);
    if (fd < 0) {
        free(partial);
        return why;
    }
    output->partial = partial;
    output->file = fdopen(fd, "wb");
    return output->file ? NULL : strerror(errno);
}

static inline int output_write(struct output *output, const void *bytes, size_t len)
{
    return fwrite(bytes, 1, len, output->file) == len ? 0 : -1;
}

static inline int output_has_acl(const char *path)
{
#ifdef __linux__
    return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
#else
    (void)path;
    return 0;
#endif
}

/* The permissions of the old file, or those of any new one. With another group or an ACL, the same
 * bits would let others in. */
static inline mode_t output_mode(const struct output *output)
{
    struct stat old;
    int has_acl = output_has_acl(output->partial) || output_has_acl(output->name);
    if (lstat(output->name, &old) != 0) {
        mode_t mask = umask(0);
        umask(mask);
        return (has_acl ? 0600 : 0666) & ~mask;
    }
    if (fchown(fileno(output->file), (uid_t)-1, old.st_gid) != 0 || has_acl)
        return old.st_mode & 0700;
    return old.st_mode & 0777;
}

/* Gives the file its name. That the disk is full may show only now. */
static inline int output_commit(struct output *output)
{
    if (fflush(output->file) != 0 || fsync(fileno(output->file)) != 0)
        return -1;
    /* Some file systems know no permissions, so this may fail. */
    fchmod(fileno(output->file), output_mode(output));
    if (rename(output->partial, output->name) != 0)
        return -1;
    free(output->partial);
    output->partial = NULL;
    return 0;
}

/* Removes what there is, unless it was committed, and closes the file. Keeps errno. */
static inline void output_discard(struct output *output)
{
    int saved = errno;
    /* In this order: closing unlocks. */
    if (output->partial)
        remove(output->partial);
    if (output->file)
        fclose(output->file);
    free(output->partial);
    output->file = NULL;
    output->partial = NULL;
    errno = saved;
}

#endif
