/* The resolver: a VM path to where it lives.
 *
 * A directory that is met for the first time is asked for its own name once, and the answer is kept: among the checked names
 * (delta/checked.h) when the spelling is the canonical one, as a LINK of the map when it is another (a link, another drive letter, a
 * volume name, Wine's Unix names).
 * That costs one open for each directory and VM session, and from then on a name costs one look-up. */
#include "layer/files/devices.h"
#include "layer/files/files.h"
#include "layer/objects/pipes.h"

enum { LINKS_MAX = 64 };

static void lookup(struct str path, struct map_place *place)
{
    while (!map_resolve(layer_map(&layer.files), path, place)) {
        layer_lock(); /* repairs the map if its writer died */
        if (!map_resolve(layer_map(&layer.files), path, place))
            layer_rebuild(&layer.files); /* damaged */
        layer_unlock();
    }
}

/* The lower path of a place, looked up again if the map was rebuilt meanwhile. */
static void lower_of(struct str path, const struct map_place *place, struct strbuf *lower)
{
    struct map_place now = *place;
    for (;;) {
        lower->len = 0;
        map_lower(&now, path, lower);
        if (map_current(layer_map(&layer.files), &now))
            return;
        lookup(path, &now);
    }
}

/* Puts the link's target in place of what led to it. */
static void follow_link(struct file_name *name, struct file_memory *memory, const struct map_place *place)
{
    struct strbuf whole;
    buf_init(&whole, memory->more, PATH_UNITS);
    buf_add(&whole, place->link_target);
    struct str rest = str_from(buf_str(&name->path), place->link_rest);
    if (rest.len && rest.s[0] != '\\')
        buf_add_char(&whole, '\\');
    buf_add(&whole, rest);
    if (!map_current(layer_map(&layer.files), place))
        return; /* the map was rebuilt: the caller looks up again */
    buf_set(&name->path, buf_str(&whole));
    name->path.overflow |= whole.overflow;
    name->linked = true;
}

static void remember_link(struct str directory, struct str target)
{
    struct map_place place;
    layer_lock();
    lookup(directory, &place);
    if (place.kind == MAP_NONE && !place.link && !place.hidden)
        map_set(layer_map(&layer.files), directory, MAP_LINK, target,
                NULL); /* a full map only costs the look-up again */
    layer_unlock();
}

/* Whether the host's directory that shines through here is known to be no link. */
static bool is_checked(struct str directory, const struct map_place *place, struct file_memory *memory)
{
    if (!place->lower_base.len && !place->lower_rest)
        return checked_has(layer.files.checked, layer.up, directory);
    struct strbuf lower;
    buf_init(&lower, memory->work, PATH_UNITS);
    lower_of(directory, place, &lower);
    return checked_has(layer.files.checked, layer.up, buf_str(&lower));
}

bool file_open_directory(struct str nt_path, ACCESS_MASK access, HANDLE *handle)
{
    struct path_attributes at = path_attributes(nt_path);
    IO_STATUS_BLOCK io;
    return nt.NtOpenFile(handle, access | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                         FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT) >= 0;
}

static bool open_lower(struct str vm_path, const struct map_place *place, struct file_memory *memory,
                       ACCESS_MASK access, HANDLE *handle)
{
    struct strbuf lower, nt_path;
    buf_init(&lower, memory->work, PATH_UNITS);
    lower_of(vm_path, place, &lower);
    buf_init(&nt_path, memory->more, PATH_UNITS);
    name_host(buf_str(&lower), &nt_path);
    return file_open_directory(buf_str(&nt_path), access, handle);
}

/* Asks the directory (a head of the name's path that has no node yet) for its own name. False when there is none. */
static bool touch(struct file_name *name, struct file_memory *memory, size_t length)
{
    struct str directory = str_head(buf_str(&name->path), length);
    struct map_place place;
    HANDLE handle;
    lookup(directory, &place);
    if (place.kind != MAP_NONE || place.link || !place.has_lower || is_checked(directory, &place, memory))
        return true;
    if (!open_lower(directory, &place, memory, FILE_READ_ATTRIBUTES, &handle))
        return false;
    struct strbuf own, lower;
    buf_init(&own, memory->more, PATH_UNITS);
    buf_init(&lower, memory->work, PATH_UNITS);
    bool known = host_name_of_handle(handle, &own);
    nt.NtClose(handle);
    lower_of(directory, &place, &lower);
    if (!known || own.overflow || str_equal_fold(layer.up, buf_str(&own), buf_str(&lower))) {
        checked_add(layer.files.checked, layer.up, buf_str(&lower));
    } else {
        checked_add(layer.files.checked, layer.up, buf_str(&own)); /* what the system answers is canonical */
        remember_link(directory, buf_str(&own));
    }
    return true;
}

/* Touches what is not known of the directories above the name: the parent if it exists, else from the top down. */
static void touch_parents(struct file_name *name, struct file_memory *memory, size_t known)
{
    struct str path = buf_str(&name->path);
    size_t parent = path_parent(path).len;
    if (!parent)
        parent = path.len; /* a drive itself */
    if (parent <= known || touch(name, memory, parent))
        return;
    size_t at = known;
    while (at < parent) {
        size_t next = at ? at + 1 : 0;
        next += str_find(str_from(path, next), '\\');
        if (next >= parent || !touch(name, memory, next))
            return;
        at = next;
    }
}

static bool looks_short(struct str component)
{
    size_t tilde = str_find(component, '~');
    return component.len <= 12 && tilde + 1 < component.len;
}

/* Asks the system for the long name of an 8.3 name: the directory is listed with the short name as its pattern. */
static bool list_one(HANDLE directory, struct str component, struct file_memory *memory, struct strbuf *found)
{
    UNICODE_STRING mask = {(USHORT)(component.len * 2), (USHORT)(component.len * 2), (WCHAR *)component.s};
    FILE_NAMES_INFORMATION *entry = (FILE_NAMES_INFORMATION *)memory->work;
    IO_STATUS_BLOCK io;
    NTSTATUS status =
        nt.NtQueryDirectoryFile(directory, NULL, NULL, NULL, &io, entry, 2048, FileNamesInformation, TRUE, &mask, TRUE);
    nt.NtClose(directory);
    if (status != STATUS_SUCCESS)
        return false;
    struct str name = {(const char16 *)entry->FileName, entry->FileNameLength / sizeof(char16)};
    if (str_equal_fold(layer.up, name, component))
        return false;
    buf_set(found, name);
    return true;
}

static bool long_name(struct str directory, struct str component, struct map_place *place, struct file_memory *memory,
                      struct strbuf *found)
{
    HANDLE handle;
    struct strbuf nt_path;
    if (place->in_storage) {
        buf_init(&nt_path, memory->more, PATH_UNITS);
        name_storage(directory, &nt_path);
        if (file_open_directory(buf_str(&nt_path), FILE_LIST_DIRECTORY, &handle) &&
            list_one(handle, component, memory, found))
            return true;
    }
    return place->has_lower && open_lower(directory, place, memory, FILE_LIST_DIRECTORY, &handle) &&
           list_one(handle, component, memory, found);
}

/* Replaces short names in the part of the path that has no node. True when something was replaced. */
static bool expand_short_names(struct file_name *name, struct file_memory *memory, size_t known)
{
    struct str path = buf_str(&name->path);
    for (size_t at = known ? known + 1 : 0; at < path.len;) {
        size_t end = at + str_find(str_from(path, at), '\\');
        struct str component = str_head(str_from(path, at), end - at);
        char16 memory_long[260];
        struct strbuf found;
        struct map_place place;
        buf_init(&found, memory_long, 260);
        struct str directory = str_head(path, at ? at - 1 : 0);
        if (at && looks_short(component)) {
            lookup(directory, &place);
            if (!place.link && !place.hidden && long_name(directory, component, &place, memory, &found) &&
                !found.overflow) {
                struct strbuf whole;
                buf_init(&whole, memory->more, PATH_UNITS);
                buf_add(&whole, str_head(path, at));
                buf_add(&whole, buf_str(&found));
                buf_add(&whole, str_from(path, end));
                buf_set(&name->path, buf_str(&whole));
                return true;
            }
        }
        at = end + 1;
    }
    return false;
}

NTSTATUS file_resolve(struct file_name *name, struct file_memory *memory, struct map_place *place)
{
    bool touched = false;
    for (int links = 0; links < LINKS_MAX; links++) {
        if (name->path.overflow)
            return STATUS_NAME_TOO_LONG;
        struct str path = buf_str(&name->path);
        lookup(path, place);
        if (place->hidden)
            return STATUS_SUCCESS;
        if (place->link) {
            follow_link(name, memory, place);
            touched = false;
            continue;
        }
        size_t parent = path_parent(path).len;
        struct str above = str_head(path, parent ? parent : path.len); /* a drive itself has nothing above it */
        if (!place->has_lower || place->known >= above.len || is_checked(above, place, memory)) {
            if (place->kind == MAP_NONE && place->has_lower && looks_short(path_leaf(path)) && !touched &&
                expand_short_names(name, memory, place->known)) {
                touched = true;
                continue;
            }
            return STATUS_SUCCESS;
        }
        if (touched)
            return STATUS_SUCCESS;
        touched = !expand_short_names(name, memory, place->known);
        if (touched)
            touch_parents(name, memory, place->known);
    }
    return STATUS_STOPPED_ON_SYMLINK;
}

NTSTATUS file_resolve_to_read(struct file_name *name, struct file_memory *memory, struct map_place *place)
{
    if (pipe_of_machine(buf_str(&name->path)))
        return log_refusal("pipe by way of the network", buf_str(&name->path), STATUS_BAD_NETWORK_PATH);
    NTSTATUS status = file_resolve(name, memory, place);
    if (status >= 0 && place->hidden)
        return log_refusal("FVM's own files", buf_str(&name->path), STATUS_OBJECT_NAME_NOT_FOUND);
    if (status >= 0 && place->has_lower && device_directory(buf_str(&name->path)))
        return log_refusal("device", buf_str(&name->path), STATUS_ACCESS_DENIED);
    return status;
}

void file_lower_path(const struct file_name *name, const struct map_place *place, struct strbuf *nt_path)
{
    char16 *memory = scratch_take();
    struct strbuf lower;
    buf_init(&lower, memory, PATH_UNITS);
    lower_of(buf_str(&name->path), place, &lower);
    name_host(buf_str(&lower), nt_path);
    nt_path->overflow |= lower.overflow;
    scratch_give(memory);
    buf_add(nt_path, buf_str(&name->stream));
}

void file_real_path(const struct file_name *name, const struct map_place *place, bool data, struct strbuf *real)
{
    bool lower = place->has_lower && place->kind != MAP_DIR && (place->kind != MAP_META || data);
    if (lower) {
        file_lower_path(name, place, real);
        return;
    }
    name_storage(buf_str(&name->path), real);
    buf_add(real, buf_str(&name->stream));
}

NTSTATUS file_open_stored(const struct file_name *name, struct file_memory *memory, ACCESS_MASK access, ULONG options,
                          HANDLE *handle)
{
    IO_STATUS_BLOCK io;
    struct strbuf path;
    buf_init(&path, memory->real, PATH_UNITS);
    name_storage(buf_str(&name->path), &path);
    if (path.overflow)
        return STATUS_NAME_TOO_LONG;
    struct path_attributes at = path_attributes(buf_str(&path));
    return nt.NtOpenFile(handle, access | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL, options);
}

uint64_t file_id_of(HANDLE file)
{
    FILE_INTERNAL_INFORMATION internal;
    IO_STATUS_BLOCK io;
    return nt.NtQueryInformationFile(file, &io, &internal, sizeof(internal), FileInternalInformation) < 0
               ? 0
               : (uint64_t)internal.IndexNumber.QuadPart;
}
