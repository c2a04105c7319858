/* vm.ini: the settings of a VM, which people may edit. It is read before every use of the VM, so it stays tiny. */
#include "vm/vm.h"

#include "vm/error.h"
#include "vm/file.h"
#include "vm/text.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS_LIMIT 65536u
#define WAY_OUT u"correct it (it needs [vm], version=1 and created=TIME), or delete the VM with 'fvm delete'"

size_t settings_text(char *out, size_t cap, int64_t created)
{
    static const char16 head[] =
        u"; Settings of this VM. Lines that begin with ; are comments.\n[vm]\nversion=1\ncreated=";
    char16 memory[160];
    struct strbuf b;
    buf_init(&b, memory, sizeof memory / sizeof *memory);
    buf_add(&b, str_of(head));
    text_add_time(&b, created);
    buf_add_char(&b, u'\n');
    size_t len = 0;
    for (; len < b.len && len < cap; len++)
        out[len] = (char)b.s[len];
    return len;
}

struct parser {
    bool in_section, version;
    int64_t created;
};

static bool has_prefix(const char *line, size_t len, const char *prefix, const char **value)
{
    size_t n = strlen(prefix);
    *value = line + n;
    return len >= n && memcmp(line, prefix, n) == 0;
}

/* One line without its end. Unknown keys are left to newer versions. */
static bool parse_line(struct parser *p, const char *line, size_t len)
{
    const char *value;
    while (len > 0 && (*line == ' ' || *line == '\t'))
        line++, len--;
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
        len--;
    if (len == 0 || *line == ';' || *line == '#')
        return true;
    if (*line == '[') {
        p->in_section = len == 4 && memcmp(line, "[vm]", 4) == 0;
        return line[len - 1] == ']';
    }
    if (memchr(line, 0, len) || !memchr(line, '=', len))
        return false;
    if (!p->in_section)
        return true;
    if (has_prefix(line, len, "version=", &value))
        return p->version = value + 1 == line + len && *value == '1';
    if (has_prefix(line, len, "created=", &value)) {
        char16 time[32];
        size_t n = (size_t)(line + len - value);
        for (size_t i = 0; i < n && i < 32; i++)
            time[i] = (unsigned char)value[i];
        return n < 32 && text_parse_time((struct str){time, n}, &p->created);
    }
    return true;
}

static bool parse(const char *text, size_t size, struct parser *p, unsigned *line)
{
    static const char mark[] = "\xef\xbb\xbf"; /* editors on Windows put it before UTF-8 */
    if (size >= 3 && memcmp(text, mark, 3) == 0)
        text += 3, size -= 3;
    for (*line = 1; size > 0; ++*line) {
        const char *end = memchr(text, '\n', size);
        size_t len = end ? (size_t)(end - text) : size;
        if (!parse_line(p, text, len))
            return false;
        len += end != NULL;
        text += len;
        size -= len;
    }
    *line = 0;
    return p->version;
}

enum fvm_result settings_read(struct vm *vm, struct fvm_error *error)
{
    char16 path[VM_PATH_MAX], reason[64];
    struct str name = vm_part(vm, u"vm.ini", path);
    struct parser parser = {0};
    uint8_t *data = NULL;
    size_t size;
    unsigned line;
    HANDLE file;
    NTSTATUS status = file_open(&file, NULL, name, FILE_READ_DATA, FILE_SHARE_ALL, FILE_NON_DIRECTORY_FILE);
    if (NT_SUCCESS(status)) {
        status = file_read_all(file, &data, &size, SETTINGS_LIMIT);
        nt.NtClose(file);
    }
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"read", str_from(name, 4), status,
                            status_is_missing(status) ? WAY_OUT : u"");
    bool ok = parse((const char *)data, size, &parser, &line);
    free(data);
    vm->created = parser.created;
    if (ok)
        return FVM_OK;
    struct strbuf b;
    buf_init(&b, reason, sizeof reason / sizeof *reason);
    buf_add(&b, STR(u"it is damaged"));
    if (line > 0) {
        buf_add(&b, STR(u" in line "));
        text_add_number(&b, line);
    }
    buf_terminate(&b);
    return error_reason(error, FVM_FAILED, u"read", str_from(name, 4), reason, WAY_OUT);
}
