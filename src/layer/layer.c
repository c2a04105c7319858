/* Attaching to the VM: its shared memory, its writer lock, its journal. */
#include "layer/layer.h"

#include "layer/handles.h"
#include "layer/registry/registry.h"

#include <stdatomic.h>

struct layer layer;

_Noreturn void layer_end_process(NTSTATUS status)
{
    for (;;)
        nt.NtTerminateProcess(NT_CURRENT_PROCESS, status);
}

HANDLE layer_keep(HANDLE handle)
{
    FVM_HANDLE_FLAGS flags = {.ProtectFromClose = TRUE};
    nt.NtSetInformationObject(handle, (OBJECT_INFORMATION_CLASS)ObjectHandleFlagInformationClass, &flags,
                              sizeof(flags));
    handle_put(handle, HANDLE_LAYER, HANDLE_VERDICT);
    return handle;
}

HANDLE layer_keep_first(_Atomic(HANDLE) *place, HANDLE made)
{
    HANDLE other = NULL;
    if (atomic_compare_exchange_strong(place, &other, made))
        return layer_keep(made);
    nt.NtClose(made);
    return other;
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

static bool file_renamed(void *unused, struct str from, struct str to)
{
    (void)unused;
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

struct str shared_str(const struct shared_text *text)
{
    if (text->len > VM_PATH_MAX)
        layer_end_process(STATUS_INVALID_PARAMETER);
    return (struct str){text->s, text->len};
}

static struct delta_map *shared_map(const struct vm_shared *vm, SIZE_T size, const struct shared_range *range)
{
    struct delta_map *map = (struct delta_map *)((uint8_t *)(uintptr_t)vm + range->offset);
    if (range->offset > size || range->size > size - range->offset || !map_check(map, (size_t)range->size))
        layer_end_process(STATUS_INVALID_PARAMETER);
    return map;
}

static void attach(void)
{
    static char16 storage[VM_PATH_MAX], partners[VM_PATH_MAX + 16];
    void *view = NULL;
    SIZE_T size = 0;
    HANDLE section = (HANDLE)(uintptr_t)fvm_layer_header.boot.section;
    enum { VIEW_UNMAP = 2 }; /* not inherited by children */
    NTSTATUS status = nt.NtMapViewOfSection(section, NT_CURRENT_PROCESS, &view, 0, 0, NULL, &size, VIEW_UNMAP,
                                            MEM_TOP_DOWN, PAGE_READWRITE);
    if (status < 0)
        layer_end_process(status);
    struct vm_shared *vm = view;
    if (vm->magic != VM_SHARED_MAGIC || vm->version != VM_SHARED_VERSION)
        layer_end_process(STATUS_INVALID_PARAMETER);
    layer_keep((HANDLE)(uintptr_t)fvm_layer_header.boot.section);
    layer.lock = layer_keep((HANDLE)(uintptr_t)fvm_layer_header.boot.lock);
    layer.events = shared_str(&vm->events);
    layer.objects = layer_keep((HANDLE)(uintptr_t)fvm_layer_header.boot.objects);
    layer.pid = (uint32_t)fvm_layer_header.boot.pid;
    layer.files = (struct layer_delta){
        .map = shared_map(vm, size, &vm->map),
        .current = (_Atomic uint32_t *)&vm->files_number,
        .checked = &vm->checked_files,
        .journal = shared_str(&vm->journal),
        .names = JOURNAL_FILES,
        .hidden = shared_str(&vm->home),
        .renamed = file_renamed,
    };
    layer.keys = (struct layer_delta){
        .map = shared_map(vm, size, &vm->keys),
        .current = (_Atomic uint32_t *)&vm->keys_number,
        .checked = &vm->checked_keys,
        .journal = shared_str(&vm->key_journal),
        .names = JOURNAL_KEYS,
        .hidden = shared_str(&vm->key_home),
        .renamed = key_renamed,
    };
    layer.single = &vm->checked_single;
    layer.up = map_upcase(layer.files.map);
    layer.files_root = shared_str(&vm->files_root);
    layer.keys_root = shared_str(&vm->key_root);
    layer.narrow = fvm_layer_header.boot.narrow;
    struct strbuf buf;
    buf_init(&buf, storage, VM_PATH_MAX);
    /* \??\C:\x -> C\x */
    buf_add_char(&buf, layer.files_root.s[4]);
    buf_add(&buf, str_from(layer.files_root, 6));
    layer.storage = buf_str(&buf);
    layer.partners = beside_files(layer.files_root, u"partners", partners, VM_PATH_MAX + 16);
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
        layer_protect();
        attach();
        atomic_store_explicit(&state, 2, memory_order_release);
        return;
    }
    LARGE_INTEGER interval = {.QuadPart = -1000};
    while (atomic_load_explicit(&state, memory_order_acquire) != 2)
        nt.NtDelayExecution(FALSE, &interval);
}

static void rebuild_all(void)
{
    layer_rebuild(&layer.files);
    layer_rebuild(&layer.keys);
}

void layer_lock(void)
{
    NTSTATUS status = nt.NtWaitForSingleObject(layer.lock, FALSE, NULL);
    if (status == STATUS_ABANDONED_WAIT_0)
        rebuild_all();
    else if (status != STATUS_SUCCESS)
        layer_end_process(status);
}

void layer_unlock(void)
{
    nt.NtReleaseMutant(layer.lock, NULL);
}

struct path_attributes path_attributes(struct str nt_path)
{
    USHORT bytes = (USHORT)(nt_path.len < UNICODE_STRING_MAX_CHARS ? nt_path.len * sizeof(char16) : 0);
    return (struct path_attributes){
        .name = {bytes, bytes, (WCHAR *)nt_path.s},
        .attributes = {.Length = sizeof(OBJECT_ATTRIBUTES), .Attributes = OBJ_CASE_INSENSITIVE},
    };
}
