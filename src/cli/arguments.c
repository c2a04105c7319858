/* Splitting a command line. The program's name follows simpler rules than the arguments: a backslash means nothing. */
#include "cli/arguments.h"

#include <stdlib.h>

static bool is_blank(wchar_t c)
{
    return c == L' ' || c == L'\t';
}

static const wchar_t *skip_program(const wchar_t *p)
{
    bool quoted = false;
    for (; *p && (quoted || !is_blank(*p)); p++)
        quoted ^= *p == L'"';
    return p;
}

/* One argument from p into out (its value, terminated); returns where it ends. 2n backslashes before a quote are n, and
 * the quote counts; 2n+1 are n and a quote character; two quotes inside quotes are a quote character. */
static const wchar_t *take(const wchar_t *p, wchar_t **out)
{
    bool quoted = false;
    while (*p && (quoted || !is_blank(*p))) {
        size_t slashes = 0;
        while (*p == L'\\')
            p++, slashes++;
        if (*p == L'"') {
            for (size_t i = 0; i < slashes / 2; i++)
                *(*out)++ = L'\\';
            if (slashes % 2 == 0 && quoted && p[1] == L'"')
                *(*out)++ = *p++;
            else if (slashes % 2 == 0)
                quoted = !quoted;
            else
                *(*out)++ = L'"';
            p++;
            continue;
        }
        while (slashes-- > 0)
            *(*out)++ = L'\\';
        if (*p && (quoted || !is_blank(*p)))
            *(*out)++ = *p++;
    }
    *(*out)++ = 0;
    return p;
}

bool arguments_parse(const wchar_t *command_line, struct arguments *arguments)
{
    const wchar_t *p = skip_program(command_line);
    size_t units = wcslen(p), most = units / 2 + 2; /* an argument takes at least two: a blank and a character */
    wchar_t *text = arguments->text = malloc((2 * units + 2) * sizeof *text);
    arguments->value = malloc(most * sizeof *arguments->value);
    arguments->start = malloc(most * sizeof *arguments->start);
    arguments->count = 0;
    if (!text || !arguments->value || !arguments->start)
        return false;
    for (;;) {
        while (is_blank(*p))
            p++;
        arguments->start[arguments->count] = p;
        if (!*p)
            return true;
        arguments->value[arguments->count++] = text;
        p = take(p, &text);
    }
}
