/** `libseal_source source = LIBSEAL_SOURCE_INIT(read_file, &file);` */
#define LIBSEAL_SOURCE_INIT(read, user_data) {sizeof(libseal_source), (read), NULL, (user_data)}
