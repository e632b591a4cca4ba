/** `libseal_sink sink = LIBSEAL_SINK_INIT(write_file, &file);` */
#define LIBSEAL_SINK_INIT(write, user_data) {sizeof(libseal_sink), (write), (user_data)}
