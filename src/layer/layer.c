/* Attaching to the VM: its shared memory, its writer lock, its journal. */
#include "layer/layer.h"

#include <stdatomic.h>

struct layer layer;

static void end_process(NTSTATUS status)
{
    for (;;)
        nt.NtTerminateProcess(NT_CURRENT_PROCESS, status);
}

static HANDLE own_handle(uint64_t value)
{
    /* The program closes handles it does not know at its own risk; not ours. */
    HANDLE handle = (HANDLE)(uintptr_t)value;
    FVM_HANDLE_FLAGS flags = {.ProtectFromClose = TRUE};
    nt.NtSetInformationObject(handle, (OBJECT_INFORMATION_CLASS)ObjectHandleFlagInformationClass, &flags, sizeof(flags));
    return handle;
}

/* The path of the VM's directory, without the leaf of files_root. */
static struct str beside_files(struct str files_root, const char16 *leaf, char16 *memory, size_t cap)
{
    struct strbuf buf;
    buf_init(&buf, memory, cap);
    buf_add(&buf, path_parent(files_root));
    buf_add_char(&buf, '\\');
    buf_add(&buf, str_of(leaf));
    return buf_str(&buf);
}

static void attach(void)
{
    static char16 storage[VM_PATH_MAX], temporary[VM_PATH_MAX + 16];
    void *view = NULL;
    SIZE_T size = 0;
    HANDLE section = (HANDLE)(uintptr_t)fvm_layer_header.boot.section;
    enum { VIEW_UNMAP = 2 }; /* not inherited by children */
    NTSTATUS status = nt.NtMapViewOfSection(section, NT_CURRENT_PROCESS, &view, 0, 0, NULL, &size, VIEW_UNMAP,
                                            MEM_TOP_DOWN, PAGE_READWRITE);
    if (status < 0)
        end_process(status);
    const struct vm_shared *vm = view;
    if (vm->magic != VM_SHARED_MAGIC || vm->version != VM_SHARED_VERSION || vm->map.offset > size ||
        vm->map.size > size - vm->map.offset || vm->files_root.len > VM_PATH_MAX)
        end_process(STATUS_INVALID_PARAMETER);
    struct delta_map *map = (struct delta_map *)((uint8_t *)view + vm->map.offset);
    if (!map_check(map, vm->map.size))
        end_process(STATUS_INVALID_PARAMETER);
    layer.map = map;
    layer.up = map_upcase(map);
    own_handle(fvm_layer_header.boot.section);
    layer.lock = own_handle(fvm_layer_header.boot.lock);
    layer.journal = own_handle(fvm_layer_header.boot.journal);
    layer.events = own_handle(fvm_layer_header.boot.events);
    layer.objects = own_handle(fvm_layer_header.boot.objects);
    layer.files_root = (struct str){vm->files_root.s, vm->files_root.len};
    struct strbuf buf;
    buf_init(&buf, storage, VM_PATH_MAX);
    /* \??\C:\x -> C\x */
    buf_add_char(&buf, layer.files_root.s[4]);
    buf_add(&buf, str_from(layer.files_root, 6));
    layer.storage = buf_str(&buf);
    layer.temporary = beside_files(layer.files_root, u"temp", temporary, VM_PATH_MAX + 16);
    atomic_thread_fence(memory_order_release);
    layer.vm = vm;
}

void layer_attach(void)
{
    static atomic_int state; /* 0 not begun, 1 under way, 2 done */
    if (atomic_load_explicit(&state, memory_order_acquire) == 2)
        return;
    int expected = 0;
    if (atomic_compare_exchange_strong(&state, &expected, 1)) {
        attach();
        atomic_store_explicit(&state, 2, memory_order_release);
        return;
    }
    LARGE_INTEGER interval = {.QuadPart = -1000};
    while (atomic_load_explicit(&state, memory_order_acquire) != 2)
        nt.NtDelayExecution(FALSE, &interval);
}

void layer_lock(void)
{
    NTSTATUS status = nt.NtWaitForSingleObject(layer.lock, FALSE, NULL);
    if (status == STATUS_ABANDONED_WAIT_0)
        layer_rebuild();
    else if (status != STATUS_SUCCESS)
        end_process(status);
}

void layer_unlock(void)
{
    nt.NtReleaseMutant(layer.lock, NULL);
}

NTSTATUS layer_journal(const struct journal_record *record)
{
    uint8_t *bytes = scratch_take();
    size_t size = journal_encode(bytes, SCRATCH_SIZE, record);
    IO_STATUS_BLOCK io;
    NTSTATUS status = size ? nt.NtWriteFile(layer.journal, NULL, NULL, NULL, &io, bytes, (ULONG)size, NULL, NULL)
                           : STATUS_OBJECT_NAME_INVALID;
    scratch_give(bytes);
    return status < 0 ? status : STATUS_SUCCESS;
}

struct path_attributes path_attributes(struct str nt_path)
{
    USHORT bytes = (USHORT)(nt_path.len < UNICODE_STRING_MAX_CHARS ? nt_path.len * sizeof(char16) : 0);
    return (struct path_attributes){
        .name = {bytes, bytes, (WCHAR *)nt_path.s},
        .attributes = {.Length = sizeof(OBJECT_ATTRIBUTES), .Attributes = OBJ_CASE_INSENSITIVE},
    };
}

/* Whether a rename that was written to the journal reached the storage before its writer died. */
static bool storage_renamed(void *context, struct str from, struct str to)
{
    (void)context;
    (void)from;
    char16 *memory = scratch_take();
    struct strbuf path;
    buf_init(&path, memory, SCRATCH_SIZE / sizeof(char16));
    buf_add(&path, layer.files_root);
    buf_add_char(&path, '\\');
    buf_add(&path, to);
    struct path_attributes at = path_attributes(buf_str(&path));
    FILE_BASIC_INFORMATION information;
    bool there = nt.NtQueryAttributesFile(path_object(&at), &information) >= 0;
    scratch_give(memory);
    return there;
}

/* The journal's handle can only append. */
static void cut_journal(size_t size)
{
    struct path_attributes at = path_attributes((struct str){layer.vm->journal.s, layer.vm->journal.len});
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = (LONGLONG)size};
    IO_STATUS_BLOCK io;
    HANDLE file;
    if (nt.NtOpenFile(&file, FILE_WRITE_DATA | SYNCHRONIZE, path_object(&at), &io,
                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_SYNCHRONOUS_IO_NONALERT) < 0)
        end_process(STATUS_FILE_CORRUPT_ERROR);
    nt.NtSetInformationFile(file, &io, &end, sizeof(end), FileEndOfFileInformation);
    nt.NtClose(file);
}

/* Reads the whole journal; NULL when it cannot be read. Free with memory_give. */
static uint8_t *read_journal(size_t *size)
{
    FILE_STANDARD_INFORMATION information;
    IO_STATUS_BLOCK io;
    if (nt.NtQueryInformationFile(layer.journal, &io, &information, sizeof(information), FileStandardInformation) < 0)
        return NULL;
    void *memory = memory_take((SIZE_T)information.EndOfFile.QuadPart + 1);
    if (!memory)
        return NULL;
    LARGE_INTEGER at = {.QuadPart = 0};
    *size = (size_t)information.EndOfFile.QuadPart;
    if (*size && nt.NtReadFile(layer.journal, NULL, NULL, NULL, &io, memory, (ULONG)*size, &at, NULL) < 0) {
        memory_give(memory);
        return NULL;
    }
    return memory;
}

void layer_rebuild(void)
{
    size_t size, good;
    bool full = false;
    uint8_t *journal = read_journal(&size);
    if (!journal)
        end_process(STATUS_FILE_CORRUPT_ERROR);
    map_begin_rebuild(layer.map);
    map_set(layer.map, (struct str){layer.vm->home.s, layer.vm->home.len}, MAP_HIDDEN, (struct str){0}, NULL);
    enum journal_status status = journal_replay(layer.map, journal, size, &good, &full, storage_renamed, NULL);
    map_end_rebuild(layer.map);
    memory_give(journal);
    if (good < size)
        cut_journal(good);
    if (status == JOURNAL_BAD_HEADER || full)
        end_process(STATUS_FILE_CORRUPT_ERROR);
}
