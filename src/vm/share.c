/* Making the shared memory of a VM, or joining it. All under the VM's lock, so `fvm run` may be started many at once. */
#include "vm/share.h"

#include "vm/changes.h"
#include "vm/error.h"
#include "vm/events.h"
#include "vm/file.h"
#include "vm/job.h"
#include "vm/layers.h"
#include "vm/lock.h"
#include "vm/registry.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_VM u"open VM"
#define GRAIN 65536u
#define PROCESS_LOCK_MS 2000u
#define DEVICE_UNITS VM_PATH_MAX

static uint64_t round_up(uint64_t size)
{
    return (size + GRAIN - 1) / GRAIN * GRAIN;
}

static uint64_t map_offset(void)
{
    return round_up(sizeof(struct vm_shared)) + round_up(layer_image().size);
}

static void put_text(struct shared_text *text, struct str s)
{
    text->len = (uint32_t)(s.len < VM_PATH_MAX ? s.len : 0);
    memcpy(text->s, s.s, text->len * sizeof(char16));
}

/* Windows names files by device; Wine by drive letter, so there the table stays empty. */
static void put_drives(struct vm_shared *view)
{
    DWORD drives = GetLogicalDrives();
    for (unsigned i = 0; i < VM_DRIVES; i++) {
        WCHAR drive[] = {(WCHAR)(L'A' + i), L':', 0}, device[DEVICE_UNITS];
        if ((drives >> i & 1) && QueryDosDeviceW(drive, device, DEVICE_UNITS) > 0)
            put_text(&view->drive_device[i], str_of(device));
    }
}

static void put_image(struct vm_shared *view)
{
    struct layer_image image = layer_image();
    view->image = (struct shared_range){round_up(sizeof *view), image.size};
    memcpy((uint8_t *)view + view->image.offset, image.bytes, image.size);
}

static enum fvm_result replay_one(struct share *share, const struct vm *vm, enum journal_names names,
                                  void (*notice)(const wchar_t *text), struct fvm_error *error)
{
    char16 memory[VM_PATH_MAX];
    bool keys = names == JOURNAL_KEYS;
    struct delta_map *map = keys ? share->keys : share->map;
    uint32_t *number = keys ? &share->view->keys_number : &share->view->files_number;
    if (*number) { /* not the current map: whoever needs that finds none of the next number, and makes it */
        InterlockedIncrement((volatile LONG *)number);
        return FVM_OK;
    }
    struct changes changes = {.names = names,
                              .journal = keys ? share->key_journal : share->journal,
                              .files = share->files,
                              .locked = true,
                              .hidden = keys ? registry_home(memory) : home_path(vm->home)};
    enum fvm_result result = changes_replay(&changes, vm, map, error);
    if (result == FVM_OK)
        result = changes_mend(&changes, vm, notice, share->events, error);
    changes_free(&changes);
    return result;
}

static enum fvm_result replay(struct share *share, const struct vm *vm, void (*notice)(const wchar_t *text),
                              struct fvm_error *error)
{
    enum fvm_result result = replay_one(share, vm, JOURNAL_FILES, notice, error);
    return result == FVM_OK ? replay_one(share, vm, JOURNAL_KEYS, notice, error) : result;
}

static enum fvm_result fill(struct share *share, const struct vm *vm, void (*notice)(const wchar_t *text),
                            struct fvm_error *error)
{
    struct vm_shared *view = share->view;
    char16 path[VM_PATH_MAX];
    struct upcase *upcase = changes_upcase();
    bool formatted =
        upcase && map_format(share->map, share->map_size, upcase) && map_format(share->keys, share->map_size, upcase);
    free(upcase);
    if (!formatted)
        return error_memory(error, OPEN_VM, str_of(vm->name));
    view->version = VM_SHARED_VERSION;
    view->size = share->size;
    view->map = (struct shared_range){map_offset(), share->map_size};
    view->keys = (struct shared_range){map_offset() + share->map_size, share->map_size};
    put_image(view);
    put_text(&view->name, str_of(vm->name));
    put_text(&view->files_root, vm_part(vm, u"files", path));
    put_text(&view->home, home_path(vm->home));
    put_text(&view->journal, vm_part(vm, u"delta.log", path));
    put_text(&view->objects, objects_path(vm, path));
    put_text(&view->key_journal, vm_part(vm, u"registry.log", path));
    put_text(&view->events, vm_part(vm, u"events.log", path));
    put_text(&view->key_root, registry_root(vm, path));
    put_text(&view->key_home, registry_home(path));
    if (!vm->home->drive_names)
        put_drives(view);
    enum fvm_result result = replay(share, vm, notice, error);
    if (result != FVM_OK)
        return result;
    MemoryBarrier();
    view->magic = VM_SHARED_MAGIC;
    return FVM_OK;
}

static NTSTATUS map_view(struct share *share)
{
    MEMORY_BASIC_INFORMATION information;
    share->view = MapViewOfFile(share->section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
    if (!share->view || !VirtualQuery(share->view, &information, sizeof information))
        return error_last_status();
    share->size = information.RegionSize;
    if (share->size < map_offset() + 2 * MAP_MIN_SIZE)
        return STATUS_SECTION_TOO_BIG;
    share->map_size = (share->size - (size_t)map_offset()) / (2 * GRAIN) * GRAIN;
    share->map = (struct delta_map *)((uint8_t *)share->view + map_offset());
    share->keys = (struct delta_map *)((uint8_t *)share->map + share->map_size);
    return STATUS_SUCCESS;
}

/* The layer in the section must be this program's: its place says where the map is. */
static bool same_version(const struct share *share)
{
    const struct vm_shared *view = share->view;
    return view->version == VM_SHARED_VERSION && view->map.offset == map_offset() &&
           view->map.size == share->map_size && view->keys.size == share->map_size &&
           view->image.size == layer_image().size;
}

/* The VM's programs have a larger map by now, which is theirs alone: one for us, from the journal. */
static enum fvm_result own_map(struct share *share, const struct vm *vm, uint64_t journal_size, struct fvm_error *error)
{
    struct changes changes = {.names = JOURNAL_FILES, .journal = share->journal, .files = share->files};
    share->own_map = changes_map(journal_size);
    if (!share->own_map)
        return error_memory(error, OPEN_VM, str_of(vm->name));
    changes.hidden = home_path(vm->home);
    enum fvm_result result = changes_replay(&changes, vm, share->own_map, error);
    changes_free(&changes);
    share->map = share->own_map;
    return result;
}

static enum fvm_result open_section(struct share *share, const struct vm *vm, bool abandoned,
                                    void (*notice)(const wchar_t *text), struct fvm_error *error)
{
    char16 name[VM_OBJECT_UNITS];
    uint64_t journal_size = 0, key_journal_size = 0;
    bool existed = false;
    vm_object(vm, u"section", NULL, name);
    NTSTATUS status = file_size(share->journal, &journal_size);
    if (NT_SUCCESS(status))
        status = file_size(share->key_journal, &key_journal_size);
    uint64_t size =
        map_offset() + 2 * changes_map_size(journal_size > key_journal_size ? journal_size : key_journal_size);
    if (NT_SUCCESS(status)) {
        share->section =
            CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, (DWORD)(size >> 32), (DWORD)size, name);
        existed = GetLastError() == ERROR_ALREADY_EXISTS;
        status = share->section ? map_view(share) : error_last_status();
    }
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, OPEN_VM, str_of(vm->name), status, u"");
    /* whoever made it may have died before it was whole */
    if (share->view->magic != VM_SHARED_MAGIC) {
        if (existed)
            memset(share->view, 0, share->size);
        return fill(share, vm, notice, error);
    }
    if (!same_version(share) || !map_check(share->map, share->map_size) || !map_check(share->keys, share->map_size))
        return error_reason(error, FVM_FAILED, OPEN_VM, str_of(vm->name),
                            u"it runs under another version of FVM, or its programs damaged its memory",
                            u"wait for them to end, or end them with 'fvm stop'");
    enum fvm_result result = abandoned ? replay(share, vm, notice, error) : FVM_OK;
    return result == FVM_OK && share->view->files_number ? own_map(share, vm, journal_size, error) : result;
}

static enum fvm_result open_files(struct share *share, const struct vm *vm, struct fvm_error *error)
{
    char16 path[VM_PATH_MAX];
    struct str name = vm_part(vm, u"delta.log", path);
    NTSTATUS status = file_open(&share->journal, NULL, name, FILE_READ_DATA | FILE_APPEND_DATA, FILE_SHARE_ALL,
                                FILE_NON_DIRECTORY_FILE);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"open the journal", str_from(name, 4), status,
                            status_is_missing(status) ? u"put a copy of it back, or delete the VM with 'fvm delete'"
                                                      : u"");
    name = vm_part(vm, u"registry.log", path);
    status = file_create(&share->key_journal, NULL, name, FILE_READ_DATA | FILE_APPEND_DATA, FILE_SHARE_ALL,
                         FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE | FILE_SAFE_OPTIONS);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"open the journal", str_from(name, 4), status, u"");
    status = events_open(vm, &share->events);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"open the event log of VM", str_of(vm->name), status, u"");
    name = vm_part(vm, u"files", path);
    status = file_create(&share->files, NULL, name, FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_SHARE_ALL, FILE_OPEN_IF,
                         FILE_DIRECTORY_FILE | FILE_SAFE_OPTIONS);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"open the directory", str_from(name, 4), status, u"");
    return FVM_OK;
}

static enum fvm_result open_objects(struct share *share, const struct vm *vm, struct fvm_error *error)
{
    char16 path[OBJECTS_PATH_UNITS];
    NTSTATUS status = objects_open(&share->objects, objects_path(vm, path));
    return NT_SUCCESS(status)
               ? FVM_OK
               : error_system(error, FVM_FAILED, u"make the object directory of VM", str_of(vm->name), status, u"");
}

enum fvm_result share_open(struct share *share, const struct vm *vm, void (*notice)(const wchar_t *text),
                           struct fvm_error *error)
{
    bool abandoned;
    memset(share, 0, sizeof *share);
    share->vm = vm;
    enum fvm_result result = lock_take(vm, &share->lock, &abandoned, OPEN_VM, error);
    if (result != FVM_OK)
        return result;
    result = open_files(share, vm, error);
    if (result == FVM_OK)
        result = open_section(share, vm, abandoned, notice, error);
    if (result == FVM_OK)
        result = open_objects(share, vm, error);
    /* claimed under the lock: fvm_delete looks at the jobs under it */
    if (result == FVM_OK && (share->job = job_claim(vm)) == NULL)
        result = error_system(error, FVM_FAILED, OPEN_VM, str_of(vm->name), error_last_status(),
                              u"256 'fvm run' at once are the most a VM can have");
    ReleaseMutex(share->lock);
    if (result != FVM_OK)
        share_close(share);
    return result;
}

static bool take_lock(struct share *share)
{
    struct fvm_error ignored;
    DWORD wait = WaitForSingleObject(share->lock, PROCESS_LOCK_MS);
    /* nobody else will be told that the lock's owner died */
    if (wait == WAIT_ABANDONED)
        replay(share, share->vm, NULL, &ignored);
    return wait == WAIT_OBJECT_0 || wait == WAIT_ABANDONED;
}

/* The last supervisor of the VM removes what its programs made permanent. */
static void remove_left(struct share *share)
{
    char16 path[OBJECTS_PATH_UNITS];
    uint32_t processes;
    if (!share->job || !objects_left(&share->objects) || !take_lock(share))
        return;
    CloseHandle(share->job);
    share->job = NULL;
    if (!vm_running(share->vm, &processes) || !processes)
        objects_remove_left(objects_path(share->vm, path));
    ReleaseMutex(share->lock);
}

void share_close(struct share *share)
{
    remove_left(share);
    HANDLE handles[] = {share->section, share->lock,  share->journal, share->key_journal,
                        share->events,  share->files, share->job};
    objects_close(&share->objects);
    if (share->own_map)
        VirtualFree(share->own_map, 0, MEM_RELEASE);
    if (share->view)
        UnmapViewOfFile(share->view);
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        if (handles[i])
            CloseHandle(handles[i]);
    memset(share, 0, sizeof *share);
}

bool share_process(struct share *share, uint32_t pid, int64_t create_time, bool enter)
{
    bool done = false;
    if (!take_lock(share))
        return false;
    /* a new one takes the place of one that has ended only when there is no other: who has a handle may still ask */
    for (int pass = 0; pass < 2 && !done; pass++)
        for (uint32_t i = 0; i < VM_PROCESSES && !done; i++) {
            struct shared_process *process = &share->view->process[i];
            if (enter && (shared_process_claim(process) || (pass && process->flags & SHARED_PROCESS_ENDED))) {
                shared_process_set(process, pid, create_time, 0);
                done = true;
            } else if (!enter && process->pid == pid && process->create_time == create_time) {
                process->flags |= SHARED_PROCESS_ENDED;
                done = true;
            }
        }
    ReleaseMutex(share->lock);
    return done;
}
