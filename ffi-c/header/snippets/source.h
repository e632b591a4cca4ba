/** `libseal_source source = LIBSEAL_SOURCE_INIT(read_file, length_of_file, &file);` */
#define LIBSEAL_SOURCE_INIT(read, length, user_data) \
    {sizeof(libseal_source), (read), (length), (user_data)}
