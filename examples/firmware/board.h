/*
 * What the example needs of a board: a way to print, and a way to stop. Here it is semihosting,
 * through which a debugger or an emulator does both for the program.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

void print(const char *text);
/* A line of "name: ", and the bytes in hex. */
void print_hex(const char *name, const uint8_t *bytes, size_t len);
/* The exit status of the emulator: 0 is success. */
_Noreturn void stop(int status);

#endif
