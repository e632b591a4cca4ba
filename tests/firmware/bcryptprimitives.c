/* Where Rust's standard library gets random bytes on Windows. Wine has it from version 9 on. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG len);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T len)
{
    return SystemFunction036(bytes, (ULONG)len);
}
