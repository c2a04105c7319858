/* Reading a journal that a VM's programs could write: nothing in it is trusted, and nothing that may matter is lost. */
#include "vm/changes.h"

#include "delta/journal.h"
#include "vm/error.h"
#include "vm/events.h"
#include "vm/file.h"
#include "vm/registry.h"
#include "vm/text.h"

#include <stdlib.h>
#include <string.h>

NTSYSAPI NTSTATUS NTAPI RtlUpcaseUnicodeString(UNICODE_STRING *out, const UNICODE_STRING *in, BOOLEAN allocate);

#define JOURNAL_LIMIT (1u << 30)
/* Room for some thousand names more than the journal holds already; then the layer makes a larger one. On Wine a section is a
 * file, and the first touch of a large sparse one reads ahead as far as the disk is told to: most of the time that a VM took to start. */
#define MAP_BYTES MAP_MIN_SIZE
#define MAP_PER_JOURNAL 3u /* a node is about as big as its record; the more a VM changed, the more it will */
#define MAP_GRAIN 65536u
#define RECORD_ALIGN 8u

const char16 *changes_journal(enum journal_names names)
{
    return names == JOURNAL_KEYS ? u"registry.log" : u"delta.log";
}

size_t changes_map_size(uint64_t journal_size)
{
    uint64_t size = MAP_BYTES + MAP_PER_JOURNAL * (journal_size < JOURNAL_LIMIT ? journal_size : JOURNAL_LIMIT);
    return (size_t)(size + MAP_GRAIN - 1) / MAP_GRAIN * MAP_GRAIN;
}

struct upcase *changes_upcase(void)
{
    struct upcase *table = calloc(1, sizeof *table);
    bool ok = table != NULL;
    for (uint32_t page = 0; page < UPCASE_PAGE && ok; page++) {
        char16 units[UPCASE_PAGE];
        UNICODE_STRING string = {sizeof units, sizeof units, units};
        for (uint32_t i = 0; i < UPCASE_PAGE; i++)
            units[i] = (char16)(page * UPCASE_PAGE + i);
        ok = NT_SUCCESS(RtlUpcaseUnicodeString(&string, &string, FALSE)) && upcase_add(table, (uint8_t)page, units);
    }
    if (ok)
        return table;
    free(table);
    return NULL;
}

struct delta_map *changes_map(uint64_t journal_size)
{
    size_t size = changes_map_size(journal_size);
    struct upcase *upcase = changes_upcase();
    struct delta_map *map = upcase ? VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) : NULL;
    if (map && !map_format(map, size, upcase)) {
        VirtualFree(map, 0, MEM_RELEASE);
        map = NULL;
    }
    free(upcase);
    return map;
}

static bool stored(HANDLE files, struct str path)
{
    HANDLE file;
    if (!NT_SUCCESS(file_open_below(&file, files, path, 0)))
        return false;
    nt.NtClose(file);
    return true;
}

static bool rename_happened(void *context, struct str from, struct str to)
{
    struct changes *changes = context;
    if (changes->names == JOURNAL_KEYS) {
        if (changes->locked)
            registry_remove_guard(changes->vm, from);
        return registry_stored(changes->vm, to);
    }
    return !stored(changes->files, from) && stored(changes->files, to);
}

enum fvm_result changes_replay(struct changes *changes, const struct vm *vm, struct delta_map *map,
                               struct fvm_error *error)
{
    static const char16 operation[] = u"read the journal";
    char16 path[VM_PATH_MAX];
    struct str name = str_from(vm_part(vm, changes_journal(changes->names), path), 4);
    bool hidden = true, full = false;
    changes->vm = vm;
    NTSTATUS status = file_read_all(changes->journal, &changes->data, &changes->size, JOURNAL_LIMIT);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, operation, name, status, u"");
    map_begin_rebuild(map);
    /* before the journal, so that renames of directories above it carry it along */
    if (changes->hidden.len > 0)
        hidden = map_set(map, changes->hidden, MAP_HIDDEN, (struct str){0}, NULL);
    enum journal_status end =
        journal_replay(map, changes->data, changes->size, &changes->good, &full, rename_happened, changes);
    map_end_rebuild(map);
    changes->torn = end == JOURNAL_TORN;
    if (full || !hidden)
        return error_reason(error, FVM_FAILED, operation, name, u"it names more changes than fit into memory",
                            u"delete VMs, or what you do not need in this VM");
    if (end == JOURNAL_BAD_HEADER)
        return error_reason(error, FVM_FAILED, operation, name, u"it is damaged: it does not begin as a journal does",
                            u"put a good copy in its place, or save what you need from the directory 'files' beside it "
                            u"and delete the VM");
    return FVM_OK;
}

/* Whether the bytes behind the good part are more than the beginning of one record. */
static bool tail_matters(const struct changes *changes)
{
    struct journal_record record;
    if (changes->size - changes->good > JOURNAL_RECORD_MAX)
        return true;
    for (size_t at = changes->good + RECORD_ALIGN; at < changes->size; at += RECORD_ALIGN) {
        size_t next = at;
        if (journal_next(changes->data, changes->size, &next, &record) == JOURNAL_OK)
            return true;
    }
    return false;
}

static NTSTATUS back_up(const struct changes *changes, struct str name)
{
    HANDLE file;
    NTSTATUS status = file_create(&file, NULL, name, FILE_WRITE_DATA, 0, FILE_OVERWRITE_IF,
                                  FILE_NON_DIRECTORY_FILE | FILE_SAFE_OPTIONS);
    if (!NT_SUCCESS(status))
        return status;
    status = file_write_at(file, 0, changes->data, changes->size);
    nt.NtClose(file);
    return status;
}

static void tell(const struct changes *changes, bool backed_up, void (*notice)(const wchar_t *text), HANDLE events)
{
    char16 memory[256];
    struct strbuf b;
    buf_init(&b, memory, 255);
    buf_add(&b, changes->torn ? STR(u"the journal's end was damaged: ") : STR(u"the last rename did not happen: "));
    text_add_number(&b, changes->size - changes->good);
    buf_add(&b, STR(u" bytes were cut off the journal"));
    if (backed_up)
        buf_add(&b, STR(u", changes behind the damage are lost; the whole journal was saved beside it as .damaged"));
    buf_terminate(&b);
    event_write(events, GetCurrentProcessId(), u"mend", buf_str(&b));
    if (notice && backed_up)
        notice(memory);
}

enum fvm_result changes_mend(struct changes *changes, const struct vm *vm, void (*notice)(const wchar_t *text),
                             HANDLE events, struct fvm_error *error)
{
    char16 path[VM_PATH_MAX], damaged[VM_PATH_MAX];
    struct str name = vm_part(vm, changes_journal(changes->names), path);
    HANDLE file;
    bool empty = changes->size == 0, backed_up = false;
    if (!empty && changes->good == changes->size)
        return FVM_OK;
    NTSTATUS status = file_open(&file, NULL, name, FILE_WRITE_DATA, FILE_SHARE_ALL, FILE_NON_DIRECTORY_FILE);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"mend the journal", str_from(name, 4), status, u"");
    if (empty) {
        uint8_t header[JOURNAL_HEADER_SIZE];
        status = file_write_at(file, 0, header, journal_header_for(changes->names, header));
    }
    if (!empty) {
        backed_up = changes->torn && tail_matters(changes);
        if (backed_up)
            status = back_up(
                changes,
                vm_part(vm, changes->names == JOURNAL_KEYS ? u"registry.log.damaged" : u"delta.log.damaged", damaged));
        if (NT_SUCCESS(status))
            status = file_truncate(file, changes->good);
        if (NT_SUCCESS(status))
            tell(changes, backed_up, notice, events);
    }
    nt.NtClose(file);
    if (NT_SUCCESS(status))
        return FVM_OK;
    return error_system(error, FVM_FAILED, u"mend the journal", str_from(name, 4), status, u"");
}

void changes_free(struct changes *changes)
{
    free(changes->data);
    changes->data = NULL;
}
