/* A delta's journal and its map: the record comes first, the map can always be made from the journal again. A map that is full is
 * replaced by a larger one, in a section of its own below the VM's root; every process finds that at its next look-up. */
#include "layer/handles.h"
#include "layer/processes/processes.h"

#define GROWTH 2u
#define MAP_MOST (1u << 30) /* bytes */

/* To read and to append; NULL when it cannot be opened. Kept open: a record is written for each file that a program makes. */
static HANDLE journal_file(struct layer_delta *delta)
{
    HANDLE handle = atomic_load_explicit(&delta->journal_file, memory_order_relaxed);
    struct path_attributes at = path_attributes(delta->journal);
    IO_STATUS_BLOCK io;
    if (handle ||
        nt.NtOpenFile(&handle, FILE_READ_DATA | FILE_APPEND_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at),
                      &io, SHARE_ALL, FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT) < 0)
        return handle;
    handle = layer_keep_first(&delta->journal_file, handle);
    process_note_journal(delta->names, handle);
    return handle;
}

NTSTATUS layer_journal(struct layer_delta *delta, const struct journal_record *given)
{
    struct journal_record record = *given;
    uint8_t *bytes = scratch_take();
    record.names = delta->names;
    size_t size = journal_encode(bytes, SCRATCH_SIZE, &record);
    IO_STATUS_BLOCK io;
    NTSTATUS status = size ? nt.NtWriteFile(journal_file(delta), NULL, NULL, NULL, &io, bytes, (ULONG)size, NULL, NULL)
                           : STATUS_OBJECT_NAME_INVALID;
    scratch_give(bytes);
    return status < 0 ? status : STATUS_SUCCESS;
}

/* The journal's handle can only append. */
static void cut_journal(const struct layer_delta *delta, size_t size)
{
    struct path_attributes at = path_attributes(delta->journal);
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = (LONGLONG)size};
    IO_STATUS_BLOCK io;
    HANDLE file;
    if (nt.NtOpenFile(&file, FILE_WRITE_DATA | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                      FILE_SYNCHRONOUS_IO_NONALERT) < 0)
        layer_end_process(STATUS_FILE_CORRUPT_ERROR);
    nt.NtSetInformationFile(file, &io, &end, sizeof(end), FileEndOfFileInformation);
    nt.NtClose(file);
}

/* Reads the whole journal; NULL when it cannot be read. Free with memory_give. */
static uint8_t *read_journal(HANDLE journal, size_t *size)
{
    FILE_STANDARD_INFORMATION information;
    IO_STATUS_BLOCK io;
    if (nt.NtQueryInformationFile(journal, &io, &information, sizeof(information), FileStandardInformation) < 0)
        return NULL;
    void *memory = memory_take((SIZE_T)information.EndOfFile.QuadPart + 1);
    if (!memory)
        return NULL;
    LARGE_INTEGER at = {.QuadPart = 0};
    *size = (size_t)information.EndOfFile.QuadPart;
    if (*size && nt.NtReadFile(journal, NULL, NULL, NULL, &io, memory, (ULONG)*size, &at, NULL) < 0) {
        memory_give(memory);
        return NULL;
    }
    return memory;
}

/* False when the map is full. */
static bool replay(struct layer_delta *delta, struct delta_map *map)
{
    size_t size = 0, good = 0;
    bool full = false;
    uint8_t *journal = read_journal(journal_file(delta), &size);
    if (!journal)
        layer_end_process(STATUS_FILE_CORRUPT_ERROR);
    map_begin_rebuild(map);
    map_set(map, delta->hidden, MAP_HIDDEN, (struct str){0}, NULL);
    enum journal_status status = journal_replay(map, journal, size, &good, &full, delta->renamed, NULL);
    memory_give(journal);
    if (status == JOURNAL_BAD_HEADER)
        layer_end_process(STATUS_FILE_CORRUPT_ERROR);
    if (full) /* nobody may read it */
        return false;
    map_end_rebuild(map);
    if (good < size)
        cut_journal(delta, good);
    return true;
}

/* FVM.files.1 */
static struct str section_name(const struct layer_delta *delta, uint32_t number, char16 memory[32])
{
    struct strbuf b;
    unsigned digits = 1;
    buf_init(&b, memory, 32);
    buf_add(&b, delta->names == JOURNAL_FILES ? STR(u"FVM.files.") : STR(u"FVM.keys."));
    while (digits < 8 && number >> 4 * digits)
        digits++;
    buf_add_hex(&b, number, digits);
    return buf_str(&b);
}

/* The section of that number, made when `size` is given, else opened. It lives as long as a process has a handle of it. */
static struct delta_map *map_section(const struct layer_delta *delta, uint32_t number, size_t size, SIZE_T *mapped)
{
    char16 memory[32];
    enum { VIEW_UNMAP = 2 };
    struct path_attributes at = path_attributes(section_name(delta, number, memory));
    LARGE_INTEGER bytes = {.QuadPart = (LONGLONG)size};
    HANDLE section;
    void *view = NULL;
    *mapped = 0;
    path_object(&at)->RootDirectory = layer.objects;
    ACCESS_MASK access = SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_QUERY;
    NTSTATUS status =
        size ? nt.NtCreateSection(&section, access, path_object(&at), &bytes, PAGE_READWRITE, SEC_COMMIT, NULL)
             : nt.NtOpenSection(&section, access, path_object(&at));
    if (status < 0)
        return NULL;
    if (nt.NtMapViewOfSection(section, NT_CURRENT_PROCESS, &view, 0, 0, NULL, mapped, VIEW_UNMAP, MEM_TOP_DOWN,
                              PAGE_READWRITE) < 0) {
        nt.NtClose(section);
        return NULL;
    }
    layer_keep(section);
    return view;
}

static void move_to(struct layer_delta *delta, struct delta_map *map, uint32_t number)
{
    atomic_store_explicit(&delta->map, map, memory_order_release);
    atomic_store_explicit(&delta->number, number, memory_order_release);
}

/* [locked] A map with more room. What has the old one goes on with it until it looks again. */
static bool grow(struct layer_delta *delta)
{
    struct delta_map *before = atomic_load(&delta->map);
    uint32_t number = atomic_load(delta->current);
    for (size_t size = map_size(before) * GROWTH; size <= MAP_MOST; size *= GROWTH) {
        SIZE_T mapped;
        struct delta_map *map = map_section(delta, ++number, size, &mapped);
        if (!map || !map_format(map, size, layer.up))
            return false;
        map_follow(map, before);
        if (replay(delta, map)) {
            move_to(delta, map, number);
            atomic_store_explicit(delta->current, number, memory_order_release);
            return true;
        }
    }
    return false;
}

/* [locked] Goes over to the current map; when its section went with the last process that had it, makes another. */
static void catch_up(struct layer_delta *delta)
{
    uint32_t number = atomic_load(delta->current);
    SIZE_T size;
    if (number == atomic_load(&delta->number))
        return;
    struct delta_map *map = map_section(delta, number, 0, &size);
    if (map && map_check(map, size))
        move_to(delta, map, number);
    else if (!grow(delta))
        layer_end_process(STATUS_NO_MEMORY);
}

struct delta_map *layer_map_moved(struct layer_delta *delta)
{
    layer_lock();
    catch_up(delta);
    layer_unlock();
    return atomic_load(&delta->map);
}

void layer_rebuild(struct layer_delta *delta)
{
    catch_up(delta);
    if (!replay(delta, atomic_load(&delta->map)) && !grow(delta))
        layer_end_process(STATUS_NO_MEMORY);
}

NTSTATUS layer_record(struct layer_delta *delta, struct str path, enum map_kind kind, struct str lower,
                      const struct map_origin *origin)
{
    struct journal_record record = {.type = JOURNAL_SET, .kind = kind, .path = path, .other = lower};
    if (origin)
        record.origin = *origin;
    NTSTATUS status = layer_journal(delta, &record);
    if (status < 0)
        return status;
    /* a larger map is made from the journal, which has this record now */
    return map_set(layer_map(delta), path, kind, lower, origin) || grow(delta)
               ? STATUS_SUCCESS
               : log_refusal("delta map is full", path, STATUS_DISK_FULL);
}
