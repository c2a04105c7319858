/* echo: copies standard input to standard output, byte by byte the same. Like any program it may be given a console. */
#include <windows.h>

int main(void)
{
    static char buffer[4096];
    DWORD got, put;
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE), out = GetStdHandle(STD_OUTPUT_HANDLE);

    while (ReadFile(in, buffer, sizeof buffer, &got, NULL) && got > 0)
        if (!WriteFile(out, buffer, got, &put, NULL) || put != got)
            return 1;
    return 0;
}
