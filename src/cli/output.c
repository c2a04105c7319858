/* Buffered output. */
#include "cli/output.h"

#include "vm/text.h"

#include <string.h>
#include <windows.h>

#define BUFFER_BYTES 8192u

static struct {
    struct {
        char bytes[BUFFER_BYTES];
        size_t len;
    } buffer[OUTPUTS];
    bool failed;
} state;

static void write_console(HANDLE console, const char *bytes, size_t size)
{
    WCHAR text[BUFFER_BYTES];
    DWORD written;
    int len = MultiByteToWideChar(CP_UTF8, 0, bytes, (int)size, text, BUFFER_BYTES);
    if (len > 0 && !WriteConsoleW(console, text, (DWORD)len, &written, NULL))
        state.failed = true;
}

static void flush(enum output output)
{
    HANDLE handle = GetStdHandle(output == OUTPUT ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
    const char *bytes = state.buffer[output].bytes;
    size_t size = state.buffer[output].len;
    DWORD mode, written;
    state.buffer[output].len = 0;
    if (size > 0 && GetConsoleMode(handle, &mode)) {
        write_console(handle, bytes, size);
        return;
    }
    for (; size > 0; bytes += written, size -= written) {
        if (WriteFile(handle, bytes, (DWORD)size, &written, NULL) && written > 0)
            continue;
        state.failed = true;
        return;
    }
}

/* The bytes are whole characters, so that a console can show what is flushed. */
static void put_bytes(enum output output, const char *bytes, size_t size)
{
    if (size > BUFFER_BYTES - state.buffer[output].len)
        flush(output);
    memcpy(state.buffer[output].bytes + state.buffer[output].len, bytes, size);
    state.buffer[output].len += size;
}

void put_text(enum output output, const char *utf8)
{
    while (*utf8) {
        size_t len = strcspn(utf8, "\n");
        len += utf8[len] == '\n';
        put_bytes(output, utf8, len);
        utf8 += len;
    }
}

void put_wide(enum output output, const wchar_t *text)
{
    struct str rest = str_of(text);
    while (rest.len > 0) {
        char bytes[2 * TEXT_UTF8_MAX];
        bool pair = rest.len > 1 && rest.s[0] >= 0xd800 && rest.s[0] < 0xdc00;
        struct str one = str_head(rest, pair ? 2 : 1);
        put_bytes(output, bytes, text_utf8(one, bytes, sizeof bytes));
        rest = str_from(rest, one.len);
    }
}

void put_number(enum output output, uint64_t number)
{
    char16 memory[24];
    struct strbuf b;
    buf_init(&b, memory, sizeof memory / sizeof *memory);
    text_add_number(&b, number);
    buf_terminate(&b);
    put_wide(output, memory);
}

void put_padding(enum output output, size_t written, size_t width)
{
    do
        put_bytes(output, " ", 1);
    while (++written < width);
}

void put_foreign(enum output output, const char *bytes, size_t size)
{
    while (size > 0) {
        char clean[1024];
        size_t used, len = text_clean(bytes, size, &used, clean, sizeof clean);
        if (used == 0) { /* ends in the middle of a character */
            static const char hex[] = "0123456789abcdef";
            char escaped[] = {'\\', 'x', hex[(unsigned char)*bytes >> 4], hex[*bytes & 15]};
            put_bytes(output, escaped, sizeof escaped);
            used = 1;
        }
        put_bytes(output, clean, len);
        bytes += used;
        size -= used;
    }
}

bool output_flush(void)
{
    flush(OUTPUT);
    flush(ERRORS);
    return !state.failed;
}
