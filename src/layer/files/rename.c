/* Renaming and hard-linking.
 *
 * Both ends are brought into storage first (without content, for a rename), so that the system's own service decides there about
 * collisions, replacing, read-only targets and sharing, as it does outside. The content of a renamed host file or directory stays where
 * it is: the node moves in the map and keeps its lower. The journal is told before, and told again when it did not happen. */
#include "layer/handles.h"
#include "layer/files/change.h"

struct renaming {
    HANDLE file;
    FILE_INFORMATION_CLASS class;
    bool link;
    FVM_FILE_RENAME_INFORMATION head; /* the program's, without the name */
    struct file_name from, to;
    struct file_memory *from_memory, *to_memory;
};

/* The target as the program wrote it: absolute, relative to a handle, or a bare name in the same directory. */
static NTSTATUS decode_target(struct renaming *r, const void *information, ULONG length)
{
    enum { NAME_AT = offsetof(FVM_FILE_RENAME_INFORMATION, FileName) };
    if (length < sizeof(FVM_FILE_RENAME_INFORMATION)) { /* the system's own status for that */
        IO_STATUS_BLOCK io;
        return nt.NtSetInformationFile(r->file, &io, (void *)information, length, r->class);
    }
    if (!guard_read(&r->head, information, NAME_AT))
        return STATUS_ACCESS_VIOLATION;
    if (r->head.FileNameLength > length - NAME_AT || r->head.FileNameLength > PATH_UNITS * sizeof(char16))
        return STATUS_INVALID_PARAMETER;
    char16 *given = r->to_memory->work;
    if (!guard_read(given, (const uint8_t *)information + NAME_AT, r->head.FileNameLength))
        return STATUS_ACCESS_VIOLATION;
    struct str name = {given, r->head.FileNameLength / sizeof(char16)};
    if (!r->head.RootDirectory && !name.len)
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    if (!r->head.RootDirectory && name.len && name.s[0] != '\\' && str_find(name, '\\') == name.len) {
        r->to = name_on(r->to_memory);
        buf_add(&r->to.path, path_parent(buf_str(&r->from.path)));
        buf_add_char(&r->to.path, '\\');
        buf_add(&r->to.path, name);
        return path_valid(buf_str(&r->to.path)) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID;
    }
    struct path_attributes at = path_attributes(name);
    path_object(&at)->RootDirectory = r->head.RootDirectory;
    NTSTATUS status = name_decode(&at.attributes, 0, r->to_memory, &r->to);
    return status >= 0 && r->to.kind != NAME_FILE ? STATUS_OBJECT_TYPE_MISMATCH : status;
}

/* Whoever has the original open and does not share it for deleting keeps it from being replaced. */
static NTSTATUS check_replacing(const struct renaming *r, const struct map_place *place)
{
    struct strbuf lower;
    IO_STATUS_BLOCK io;
    HANDLE file;
    buf_init(&lower, r->to_memory->real, PATH_UNITS);
    file_lower_path(&r->to, place, &lower);
    struct path_attributes at = path_attributes(buf_str(&lower));
    NTSTATUS status = nt.NtOpenFile(&file, DELETE | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                                    FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
    if (status >= 0)
        nt.NtClose(file);
    return status == STATUS_SHARING_VIOLATION ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

/* [locked] Brings the target, if it exists, or else its parents into storage. */
static NTSTATUS prepare_target(struct renaming *r)
{
    struct map_place place;
    NTSTATUS status = file_resolve(&r->to, r->to_memory, &place);
    if (status < 0)
        return status;
    if (place.hidden)
        return log_refusal("FVM's own files", buf_str(&r->to.path), STATUS_ACCESS_DENIED);
    if (!place.has_lower || place.kind == MAP_DIR || place.kind == MAP_META)
        return STATUS_SUCCESS;
    if (r->head.Flags & FILE_RENAME_REPLACE_IF_EXISTS && check_replacing(r, &place) < 0)
        return STATUS_ACCESS_DENIED;
    status = file_copy_up(&r->to, r->to_memory, COPY_META);
    if (status != STATUS_OBJECT_NAME_NOT_FOUND)
        return status;
    status = file_mirror_parents(&r->to);
    if (status >= 0)
        file_remove_leftover(&r->to);
    return status;
}

NTSTATUS file_set_name(HANDLE file, IO_STATUS_BLOCK *io, ULONG flags, struct str nt_path, FILE_INFORMATION_CLASS class)
{
    FVM_FILE_RENAME_INFORMATION *information = scratch_take();
    struct strbuf path;
    buf_init(&path, information->FileName, PATH_UNITS);
    buf_add(&path, nt_path);
    information->Flags = flags;
    information->RootDirectory = NULL;
    information->FileNameLength = (ULONG)(path.len * sizeof(char16));
    ULONG length = (ULONG)offsetof(FVM_FILE_RENAME_INFORMATION, FileName) + information->FileNameLength;
    NTSTATUS status =
        path.overflow ? STATUS_NAME_TOO_LONG : nt.NtSetInformationFile(file, io, information, length, class);
    scratch_give(information);
    return status;
}

/* The system's own service on the storage's names. */
static NTSTATUS change_storage(struct renaming *r, HANDLE own, IO_STATUS_BLOCK *io)
{
    struct strbuf path;
    buf_init(&path, r->to_memory->real, PATH_UNITS);
    name_storage(buf_str(&r->to.path), &path);
    buf_add(&path, buf_str(&r->to.stream));
    return path.overflow ? STATUS_NAME_TOO_LONG : file_set_name(own, io, r->head.Flags, buf_str(&path), r->class);
}

/* Whether a name has a place in the host's name space, so that its absence must be remembered. */
static bool parent_has_lower(struct str path)
{
    struct map_place place;
    return !map_resolve(layer_map(&layer.files), path_parent(path), &place) || place.has_lower;
}

static bool has_node(struct str path)
{
    struct map_place place;
    return !map_resolve(layer_map(&layer.files), path, &place) || place.known == path.len;
}

/* [locked] Both names have the same id. */
static NTSTATUS link_locked(struct renaming *r, HANDLE own, IO_STATUS_BLOCK *io)
{
    struct map_place from = {0};
    NTSTATUS status = change_storage(r, own, io);
    if (status < 0)
        return status;
    map_resolve(layer_map(&layer.files), buf_str(&r->from.path), &from);
    if (!parent_has_lower(buf_str(&r->to.path)) && !from.origin.file_id)
        return status;
    return file_record(buf_str(&r->to.path), MAP_OWN, (struct str){0}, &from.origin);
}

/* [locked] */
static NTSTATUS rename_locked(struct renaming *r, HANDLE own, IO_STATUS_BLOCK *io)
{
    struct str from = buf_str(&r->from.path), to = buf_str(&r->to.path);
    bool same = str_equal_fold(layer.up, from, to); /* only the case changes */
    bool stream = r->to.stream.len;
    bool plain = !has_node(from) && !has_node(to) && !parent_has_lower(from) && !parent_has_lower(to);
    if (same || stream || plain)
        return change_storage(r, own, io);
    struct journal_record record = {
        .type = JOURNAL_RENAME, .kind = MAP_META, .cover = parent_has_lower(from), .path = from, .other = to};
    NTSTATUS status = layer_journal(&layer.files, &record);
    if (status < 0)
        return status;
    status = change_storage(r, own, io);
    if (status < 0) {
        record.type = JOURNAL_ABORT;
        layer_journal(&layer.files, &record);
        return status;
    }
    if (!map_rename(layer_map(&layer.files), from, to, record.cover, record.kind))
        layer_rebuild(&layer.files); /* the map was full: rebuilding takes out what is dead */
    return status;
}

static NTSTATUS change_name_locked(struct renaming *r, IO_STATUS_BLOCK *io)
{
    HANDLE own;
    NTSTATUS status = change_handle(r->file, r->link ? COPY_ALL : COPY_META, &own);
    if (status < 0)
        return status;
    status = prepare_target(r);
    if (status >= 0)
        status = r->link ? link_locked(r, own, io) : rename_locked(r, own, io);
    if (own != r->file)
        nt.NtClose(own);
    return status;
}

NTSTATUS change_name(HANDLE file, IO_STATUS_BLOCK *io, const void *information, ULONG length,
                     FILE_INFORMATION_CLASS class)
{
    struct renaming r = {.class = class};
    bool in_storage;
    NTSTATUS status = handle_keep(file, &r.file);
    if (status < 0)
        return status;
    r.from_memory = scratch_take();
    r.to_memory = scratch_take();
    r.link = (int)class == FileLinkInformation || (int)class == FileLinkInformationExClass;
    r.from = name_on(r.from_memory);
    if (!name_of_handle(r.file, &r.from.path, &in_storage))
        status = nt.NtSetInformationFile(r.file, io, (void *)information, length, class);
    else
        status = decode_target(&r, information, length);
    if (status >= 0 && r.to.path.s) {
        layer_lock();
        status = change_name_locked(&r, io);
        layer_unlock();
    }
    scratch_give(r.to_memory);
    scratch_give(r.from_memory);
    nt.NtClose(r.file);
    return status;
}
