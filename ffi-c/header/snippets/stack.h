/** The stack, in bytes, that any call of this header needs on a microcontroller, its callbacks aside. */
#define LIBSEAL_STACK_SIZE 3328
