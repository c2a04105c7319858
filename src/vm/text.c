/* Numbers, times and safe UTF-8. Names come from programs that are not trusted and end up on terminals. */
#include "vm/text.h"

#include <string.h>
#include <windows.h>

#define SURROGATE_FIRST 0xd800u
#define SURROGATE_LOW 0xdc00u
#define SURROGATE_END 0xe000u
#define SUPPLEMENTARY 0x10000u
#define UTF8_MAX 4u

static const char hex_digits[] = "0123456789abcdef";

void text_add_number(struct strbuf *b, uint64_t number)
{
    char16 digits[20];
    size_t n = sizeof digits / sizeof *digits;
    do
        digits[--n] = (char16)(u'0' + number % 10);
    while ((number /= 10) != 0);
    buf_add(b, (struct str){digits + n, sizeof digits / sizeof *digits - n});
}

static void add_padded(struct strbuf *b, uint64_t number, uint64_t least)
{
    for (; least > number && least > 1; least /= 10)
        buf_add_char(b, u'0');
    text_add_number(b, number);
}

void text_add_time(struct strbuf *b, int64_t time)
{
    FILETIME file_time = {(DWORD)time, (DWORD)(time >> 32)};
    SYSTEMTIME t;
    if (!FileTimeToSystemTime(&file_time, &t))
        memset(&t, 0, sizeof t);
    add_padded(b, t.wYear, 1000);
    buf_add_char(b, u'-');
    add_padded(b, t.wMonth, 10);
    buf_add_char(b, u'-');
    add_padded(b, t.wDay, 10);
    buf_add_char(b, u'T');
    add_padded(b, t.wHour, 10);
    buf_add_char(b, u':');
    add_padded(b, t.wMinute, 10);
    buf_add_char(b, u':');
    add_padded(b, t.wSecond, 10);
    buf_add_char(b, u'.');
    add_padded(b, t.wMilliseconds, 100);
    buf_add_char(b, u'Z');
}

bool text_parse_time(struct str s, int64_t *time)
{
    static const char16 pattern[] = u"0000-00-00T00:00:00.000Z";
    WORD field[7] = {0};
    size_t at = 0;
    if (s.len != STR(pattern).len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (pattern[i] == u'0') {
            if (s.s[i] < u'0' || s.s[i] > u'9')
                return false;
            field[at] = (WORD)(field[at] * 10 + (s.s[i] - u'0'));
        } else if (s.s[i] != pattern[i]) {
            return false;
        } else {
            at++;
        }
    }
    SYSTEMTIME t = {.wYear = field[0],
                    .wMonth = field[1],
                    .wDay = field[2],
                    .wHour = field[3],
                    .wMinute = field[4],
                    .wSecond = field[5],
                    .wMilliseconds = field[6]};
    FILETIME file_time;
    if (!SystemTimeToFileTime(&t, &file_time))
        return false;
    *time = (int64_t)((uint64_t)file_time.dwHighDateTime << 32 | file_time.dwLowDateTime);
    return true;
}

static bool harmless(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= SURROGATE_FIRST && c < SURROGATE_END))
        return false;
    /* line and paragraph separators, and what changes the direction of writing */
    return !(c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
}

static size_t encode(uint32_t c, unsigned char out[UTF8_MAX])
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < SUPPLEMENTARY ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (unsigned char)(0x80 | (c & 0x3f));
    out[0] = (unsigned char)(lead[n] | c);
    return n;
}

/* Adds the bytes as they are, or escaped; false when they do not fit. */
static bool put(char *out, size_t cap, size_t *len, const unsigned char *bytes, size_t n, bool plain)
{
    if (cap - *len < (plain ? n : 4 * n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (plain) {
            out[(*len)++] = (char)bytes[i];
        } else {
            out[(*len)++] = '\\';
            out[(*len)++] = 'x';
            out[(*len)++] = hex_digits[bytes[i] >> 4];
            out[(*len)++] = hex_digits[bytes[i] & 15];
        }
    }
    return true;
}

size_t text_utf8(struct str s, char *out, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint32_t c = s.s[i];
        if (c >= SURROGATE_FIRST && c < SURROGATE_LOW && i + 1 < s.len && s.s[i + 1] >= SURROGATE_LOW &&
            s.s[i + 1] < SURROGATE_END)
            c = SUPPLEMENTARY + ((c - SURROGATE_FIRST) << 10) + (s.s[++i] - SURROGATE_LOW);
        unsigned char bytes[UTF8_MAX];
        size_t n = encode(c, bytes);
        if (!put(out, cap, &len, bytes, n, harmless(c)))
            break;
    }
    return len;
}

/* Length of the well-formed character at the start of bytes: 0 when it is none, size + 1 when it is cut off. */
static size_t decode(const unsigned char *bytes, size_t size, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, SUPPLEMENTARY};
    size_t n = bytes[0] < 0x80 ? 1 : bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if ((bytes[0] >= 0x80 && bytes[0] < 0xc2) || bytes[0] > 0xf4)
        return 0;
    *c = n == 1 ? bytes[0] : bytes[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (i >= size)
            return size + 1;
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (bytes[i] & 0x3f);
    }
    return *c < least[n] ? 0 : n;
}

size_t text_clean(const char *bytes, size_t size, size_t *used, char *out, size_t cap)
{
    const unsigned char *in = (const unsigned char *)bytes;
    size_t len = 0, at = 0;
    while (at < size) {
        uint32_t c = 0;
        size_t n = decode(in + at, size - at, &c);
        if (n > size - at)
            break;
        bool plain = n > 0 && (harmless(c) || c == '\n' || c == '\t');
        if (n == 0)
            n = 1;
        if (!put(out, cap, &len, in + at, n, plain))
            break;
        at += n;
    }
    *used = at;
    return len;
}
