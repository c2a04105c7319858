/* fvm_diff_reg: the changes as a registration file. Text that such a file cannot hold (line ends in names) is left out and counted;
 * data that is no plain text is written in hexadecimal. */
#include "vm/error.h"
#include "vm/file.h"
#include "vm/text.h"
#include "vm/vm.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_REG u"write the registration file"
#define BUFFER_UNITS 65536u
#define LINE_UNITS 76u /* then hexadecimal goes on in the next line */

struct output {
    HANDLE file;
    char16 *buffer;
    size_t len;
    NTSTATUS status;
    char16 *key; /* whose section is open */
    uint32_t left_out;
};

static void flush(struct output *o)
{
    if (NT_SUCCESS(o->status))
        o->status = file_append(o->file, o->buffer, o->len * sizeof(char16));
    o->len = 0;
}

static void put_char(struct output *o, char16 c)
{
    if (o->len == BUFFER_UNITS)
        flush(o);
    o->buffer[o->len++] = c;
}

static void put(struct output *o, const char16 *text)
{
    while (*text)
        put_char(o, *text++);
}

static void put_quoted(struct output *o, const char16 *text, size_t units)
{
    put_char(o, u'"');
    for (size_t i = 0; i < units; i++) {
        if (text[i] == u'"' || text[i] == u'\\')
            put_char(o, u'\\');
        put_char(o, text[i]);
    }
    put_char(o, u'"');
}

static void put_hex(struct output *o, uint32_t number, unsigned digits)
{
    while (digits--)
        put_char(o, u"0123456789abcdef"[number >> (4 * digits) & 15]);
}

static bool is_plain(const char16 *text, size_t units)
{
    for (size_t i = 0; i < units; i++)
        if ((text[i] < 0x20 && text[i] != '\t') || text[i] == 0x85 || text[i] == 0x2028 || text[i] == 0x2029 ||
            text[i] == 0xfeff)
            return false;
    return true;
}

static bool is_plain_string(const struct fvm_key_change *change)
{
    const char16 *text = change->data;
    size_t units = change->size / sizeof(char16);
    return change->type == REG_SZ && units > 0 && change->size % sizeof(char16) == 0 && !text[units - 1] &&
           is_plain(text, units - 1);
}

static void put_bytes(struct output *o, const struct fvm_key_change *change)
{
    const uint8_t *data = change->data;
    size_t column = 40;
    put(o, u"hex");
    if (change->type != REG_BINARY) {
        unsigned digits = 1;
        while (digits < 8 && change->type >> (4 * digits))
            digits++;
        put_char(o, u'(');
        put_hex(o, change->type, digits);
        put_char(o, u')');
    }
    put_char(o, u':');
    for (size_t i = 0; i < change->size; i++) {
        put_hex(o, data[i], 2);
        if (i + 1 == change->size)
            break;
        put_char(o, u',');
        column += 3;
        if (column > LINE_UNITS) {
            put(o, u"\\\r\n  ");
            column = 2;
        }
    }
}

static void put_value(struct output *o, const struct fvm_key_change *change)
{
    if (*change->value)
        put_quoted(o, change->value, wcslen(change->value));
    else
        put_char(o, u'@');
    put_char(o, u'=');
    if (change->kind == FVM_DELETED)
        put_char(o, u'-');
    else if (is_plain_string(change))
        put_quoted(o, change->data, change->size / sizeof(char16) - 1);
    else if (change->type == REG_DWORD && change->size == sizeof(uint32_t)) {
        uint32_t number;
        memcpy(&number, change->data, sizeof number);
        put(o, u"dword:");
        put_hex(o, number, 8);
    } else
        put_bytes(o, change);
    put(o, u"\r\n");
}

static void open_section(struct output *o, const char16 *key, bool deleted)
{
    put(o, deleted ? u"\r\n[-" : u"\r\n[");
    put(o, key);
    put(o, u"]\r\n");
    free(o->key);
    o->key = deleted ? NULL : _wcsdup(key);
}

/* A registration file makes ordinary keys. */
static bool is_link(const struct fvm_key_change *change)
{
    return change->value && change->type == REG_LINK && wcscmp(change->value, L"SymbolicLinkValue") == 0;
}

static bool write_change(void *context, const struct fvm_key_change *change)
{
    struct output *o = context;
    if (change->inexpressible || is_link(change) || !is_plain(change->key, wcslen(change->key)) ||
        (change->value && !is_plain(change->value, wcslen(change->value)))) {
        o->left_out++;
        return true;
    }
    if (!change->value || !o->key || wcscmp(o->key, change->key) != 0)
        open_section(o, change->key, !change->value && change->kind == FVM_DELETED);
    if (change->value)
        put_value(o, change);
    return NT_SUCCESS(o->status);
}

enum fvm_result fvm_diff_reg(struct fvm_home *home, const wchar_t *name, const wchar_t *path, uint32_t *left_out,
                             struct fvm_error *error)
{
    struct output o = {.buffer = malloc(BUFFER_UNITS * sizeof(char16))};
    enum fvm_result result;
    *left_out = 0;
    if (!o.buffer)
        return error_memory(error, WRITE_REG, str_of(path));
    o.file = CreateFileW(path, FILE_APPEND_DATA | SYNCHRONIZE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, 0, NULL);
    if (o.file == INVALID_HANDLE_VALUE) {
        free(o.buffer);
        return error_system(error, FVM_FAILED, WRITE_REG, str_of(path), error_last_status(), u"");
    }
    put(&o, u"\xfeffWindows Registry Editor Version 5.00\r\n");
    result = fvm_diff_keys(home, name, write_change, &o, error);
    flush(&o);
    if (result == FVM_OK && !NT_SUCCESS(o.status))
        result = error_system(error, FVM_FAILED, WRITE_REG, str_of(path), o.status, u"");
    CloseHandle(o.file);
    free(o.key);
    free(o.buffer);
    *left_out = o.left_out;
    return result;
}
