/* Private copies of hives, which are files: one that is loaded must not change meanwhile, one that is saved must not tell where FVM keeps a
 * key. */
#include "layer/registry/registry.h"

struct str key_hive_path(struct strbuf *path)
{
    buf_add(path, path_parent(layer.partners));
    buf_add(path, STR(u"\\hive"));
    return buf_str(path);
}

NTSTATUS key_hive_create(HANDLE *copy, struct path_attributes *at)
{
    IO_STATUS_BLOCK io;
    return nt.NtCreateFile(copy, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, path_object(at), &io, NULL,
                           FILE_ATTRIBUTE_NORMAL, 0, FILE_OVERWRITE_IF,
                           FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
}

/* ---- handing out what was saved ---- */

/* The program's file, and how far it is written. */
struct output {
    HANDLE file;
    LARGE_INTEGER at;
};

/* The file may be an asynchronous one. What ends later in a 32-bit process is told to the block of 32 bit that the other one points to. */
static NTSTATUS put(struct output *out, const void *bytes, size_t size)
{
    struct {
        uint32_t status, information;
    } narrow = {0};
    IO_STATUS_BLOCK io = {.Pointer = layer.narrow ? &narrow : NULL};
    NTSTATUS status = nt.NtWriteFile(out->file, NULL, NULL, NULL, &io, bytes, (ULONG)size, &out->at, NULL);
    if (status == STATUS_PENDING) {
        status = nt.NtWaitForSingleObject(out->file, FALSE, NULL);
        if (status >= 0)
            status = layer.narrow ? (NTSTATUS)narrow.status : io.Status;
    }
    out->at.QuadPart += (LONGLONG)size;
    return status;
}

/* Where the name begins in the head of Wine's files (server/registry.c, save_all_subkeys); 0: it has none. */
static size_t name_in_head(const uint8_t *text, size_t size)
{
    static const char head[] = "WINE REGISTRY Version 2\n;; All keys relative to ";
    return size >= sizeof(head) - 1 && mem_equal(text, head, sizeof(head) - 1) ? sizeof(head) - 1 : 0;
}

static size_t line_end(const uint8_t *text, size_t at, size_t size)
{
    while (at < size && text[at] != '\n')
        at++;
    return at;
}

static bool is_hex_digit(char16 c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* As Wine spells it there: other characters than those of ASCII by their numbers, of four digits when one more would follow. */
static NTSTATUS put_name(struct output *out, struct str name)
{
    enum { LONGEST = 6 };
    static const char digits[] = "0123456789abcdef";
    char *text = scratch_take();
    size_t len = 0;
    for (size_t i = 0; i < name.len && len + LONGEST <= SCRATCH_SIZE; i++) {
        char16 c = name.s[i];
        bool plain = c >= ' ' && c < 0x7f, all = i + 1 < name.len && is_hex_digit(name.s[i + 1]);
        if (!plain || c == '\\' || c == '[' || c == ']')
            text[len++] = '\\';
        text[len++] = plain ? (char)c : 'x';
        for (int shift = 12; shift >= 0 && !plain; shift -= 4)
            if (all || c >> shift || !shift)
                text[len++] = digits[c >> shift & 15];
    }
    NTSTATUS status = put(out, text, len);
    scratch_give(text);
    return status;
}

/* One part of the copy, the first with `name` in its head. */
static NTSTATUS put_part(struct output *out, const uint8_t *part, size_t size, struct str name)
{
    size_t begin = name.len ? name_in_head(part, size) : 0, behind = 0;
    NTSTATUS status = STATUS_SUCCESS;
    if (begin) {
        behind = line_end(part, begin, size);
        status = put(out, part, begin);
        if (status >= 0)
            status = put_name(out, name);
    }
    return status < 0 ? status : put(out, part + behind, size - behind);
}

NTSTATUS key_hive_hand_out(HANDLE copy, struct str name, HANDLE file)
{
    FILE_POSITION_INFORMATION position;
    IO_STATUS_BLOCK io;
    LARGE_INTEGER from = {.QuadPart = 0};
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &position, sizeof(position), FilePositionInformation);
    if (status < 0)
        return status;
    struct output out = {file, position.CurrentByteOffset};
    uint8_t *part = scratch_take();
    while (status >= 0) {
        status = nt.NtReadFile(copy, NULL, NULL, NULL, &io, part, SCRATCH_SIZE, &from, NULL);
        if (status < 0)
            break;
        size_t size = (size_t)io.Information;
        status = put_part(&out, part, size, from.QuadPart ? (struct str){0} : name);
        from.QuadPart += (LONGLONG)size;
    }
    scratch_give(part);
    if (status != STATUS_END_OF_FILE)
        return status;
    position.CurrentByteOffset = out.at;
    nt.NtSetInformationFile(file, &io, &position, sizeof(position), FilePositionInformation);
    return STATUS_SUCCESS;
}
