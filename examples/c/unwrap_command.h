/*
 * Unwraps a data key with a command. Include after defining _POSIX_C_SOURCE.
 */
#ifndef UNWRAP_COMMAND_H
#define UNWRAP_COMMAND_H

#include <libseal.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_USAGE \
    "COMMAND is run by /bin/sh for each recipient of the message until it exits with 0. It reads\n" \
    "the wrapped key from stdin and writes the 32 bytes of the data key to stdout. It finds in its\n" \
    "environment LIBSEAL_ALGORITHM (RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1), LIBSEAL_FINGERPRINT\n" \
    "(hex) and LIBSEAL_KEY_ID, of which only the fingerprint is fit to choose a key by.\n"

static inline int set_environment(const libseal_wrapped_key *key)
{
    char hex[2 * LIBSEAL_FINGERPRINT_LEN + 1];
    for (size_t i = 0; i < LIBSEAL_FINGERPRINT_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", key->fingerprint[i]);
    /* Not ended by a NUL; one inside of it ends it here. */
    char key_id[LIBSEAL_MAX_KEY_ID_LEN + 1];
    memcpy(key_id, key->key_id, key->key_id_len);
    key_id[key->key_id_len] = 0;
    return setenv("LIBSEAL_ALGORITHM", key->algorithm, 1) == 0 &&
                   setenv("LIBSEAL_FINGERPRINT", hex, 1) == 0 &&
                   setenv("LIBSEAL_KEY_ID", key_id, 1) == 0
               ? 0
               : -1;
}

static inline ssize_t read_all(int fd, uint8_t *bytes, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, bytes + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static inline void write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return; /* The command does not read it; its exit status tells. */
        bytes += put;
        len -= (size_t)put;
    }
}

/* The child: never returns. */
static inline void run_command(const char *command, int in[2], int out[2])
{
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0) {
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    }
    _exit(127);
}

/* A libseal_unwrap_fn. The wrapped key is shorter than any pipe, so it is written before anything is
 * read. Returns the exit status of the command, or 255. */
static inline int unwrap(void *user_data, const libseal_wrapped_key *key, uint8_t unwrapped[32])
{
    int in[2], out[2], status;
    uint8_t more;

    if (set_environment(key) != 0 || pipe(in) != 0)
        return 255;
    if (pipe(out) != 0) {
        close(in[0]);
        close(in[1]);
        return 255;
    }
    pid_t child = fork();
    if (child == 0)
        run_command(user_data, in, out);
    close(in[0]);
    close(out[1]);
    if (child > 0)
        write_all(in[1], key->ciphertext, key->ciphertext_len);
    close(in[1]);
    int is_key = child > 0 && read_all(out[0], unwrapped, 32) == 32 && read_all(out[0], &more, 1) == 0;
    close(out[0]);
    if (child < 0)
        return 255;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 255;
    if (!WIFEXITED(status))
        return 255;
    if (WEXITSTATUS(status) != 0)
        return WEXITSTATUS(status);
    if (is_key)
        return 0;
    fputs("COMMAND did not write 32 bytes\n", stderr);
    return 255;
}

#endif
