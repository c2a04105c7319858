/* The event log: one line an event, appended whole (nt/append.h); of a refusal also what was tried and the
 * status that the program got. Names come from the program: control characters, and what is not valid UTF-16, are written as \x..
 * so that a terminal shows them harmlessly. */
#include "layer/handles.h"
#include "nt/append.h"

#define LINE_MAX 2048

struct line {
    char s[LINE_MAX];
    unsigned len;
};

static void put(struct line *line, char c)
{
    if (line->len < LINE_MAX - 1)
        line->s[line->len++] = c;
}

static void put_text(struct line *line, const char *text)
{
    while (*text)
        put(line, *text++);
}

static void put_number(struct line *line, uint64_t value, unsigned digits)
{
    char text[20];
    unsigned n = 0;
    do {
        text[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value && n < sizeof(text));
    while (n < digits && n < sizeof(text))
        text[n++] = '0';
    while (n)
        put(line, text[--n]);
}

static void put_hex(struct line *line, uint32_t value, unsigned digits)
{
    while (digits--)
        put(line, "0123456789abcdef"[value >> (4 * digits) & 15]);
}

static void put_escape(struct line *line, unsigned unit, unsigned digits)
{
    put(line, '\\');
    put(line, digits == 2 ? 'x' : 'u');
    put_hex(line, unit, digits);
}

static void put_name(struct line *line, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned c = name.s[i];
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            put_escape(line, c, 2);
        else if (c < 0x80)
            put(line, (char)c);
        else if (c < 0x800) {
            put(line, (char)(0xc0 | c >> 6));
            put(line, (char)(0x80 | (c & 0x3f)));
        } else if (c >= 0xd800 && c < 0xe000)
            put_escape(line, c, 4);
        else {
            put(line, (char)(0xe0 | c >> 12));
            put(line, (char)(0x80 | (c >> 6 & 0x3f)));
            put(line, (char)(0x80 | (c & 0x3f)));
        }
    }
}

/* A VM path as people write it; every other name as it is. */
static void put_path(struct line *line, struct str name)
{
    struct str first = path_first(name);
    if (first.len == 1 && first.s[0] < 0x80) { /* a drive */
        put(line, (char)first.s[0]);
        put_text(line, ":\\");
        name = path_rest(name);
    } else if (str_equal(first, STR(u"UNC"))) {
        put_text(line, "\\\\");
        name = path_rest(name);
    }
    put_name(line, name);
}

/* Days since 1601-01-01 to a civil date (H. Hinnant's algorithm, era of 400 years starting in March). */
static void put_date(struct line *line, uint64_t days)
{
    uint64_t z = days + 584694; /* from 0000-03-01 to 1601-01-01 */
    uint64_t era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t month = mp < 10 ? mp + 3 : mp - 9;
    put_number(line, yoe + era * 400 + (month <= 2), 4);
    put(line, '-');
    put_number(line, month, 2);
    put(line, '-');
    put_number(line, doy - (153 * mp + 2) / 5 + 1, 2);
}

static void put_time(struct line *line)
{
    LARGE_INTEGER now = {0};
    nt.NtQuerySystemTime(&now);
    uint64_t ms = (uint64_t)now.QuadPart / 10000, day = 24ull * 60 * 60 * 1000;
    put_date(line, ms / day);
    ms %= day;
    put(line, 'T');
    put_number(line, ms / 3600000, 2);
    put(line, ':');
    put_number(line, ms / 60000 % 60, 2);
    put(line, ':');
    put_number(line, ms / 1000 % 60, 2);
    put(line, '.');
    put_number(line, ms % 1000, 3);
    put_text(line, "Z ");
}

/* Opened for each line, and for nothing but appending: what the program finds open it can write to. */
static void append(const char *text, ULONG size)
{
    struct path_attributes at = path_attributes(layer.events);
    IO_STATUS_BLOCK io;
    HANDLE file;
    if (nt.NtOpenFile(&file, FILE_APPEND_DATA | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                      FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT) < 0)
        return;
    handle_put(file, HANDLE_LAYER, HANDLE_VERDICT);
    append_line(file, text, size, &io);
    handle_forget(file);
    nt.NtClose(file);
}

static void begin_line(struct line *line, const char *event)
{
    line->len = 0;
    put_time(line);
    put_number(line, layer.pid, 1);
    put(line, ' ');
    put_text(line, event);
    put(line, ' ');
}

static void write_line(struct line *line, struct str name)
{
    put_path(line, name);
    line->s[line->len++] = '\n';
    append(line->s, line->len);
}

void log_event(const char *event, struct str name)
{
    struct line line;
    begin_line(&line, event);
    write_line(&line, name);
}

NTSTATUS log_refusal(const char *why, struct str name, NTSTATUS status)
{
    struct line line;
    begin_line(&line, "refuse");
    put_text(&line, why);
    put_text(&line, " (");
    put_hex(&line, (uint32_t)status, 8);
    put_text(&line, "): ");
    write_line(&line, name);
    return status;
}
