#if defined(_WIN32) && defined(LIBSEAL_DLL)
#define LIBSEAL_API __declspec(dllimport)
#else
#define LIBSEAL_API
#endif

#if defined(__GNUC__)
#define LIBSEAL_NODISCARD __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#define LIBSEAL_NODISCARD _Check_return_
#else
#define LIBSEAL_NODISCARD
#endif
