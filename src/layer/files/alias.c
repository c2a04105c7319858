/* Several names of one file of the host.
 *
 * Hard links. When a file with n names is copied, its copy gets n - 1 more names in the directory `partners`, beside the storage.
 * When the VM comes to another name of the same file, one of them is moved to that name's place in storage. So whatever a program does
 * with one name, the file system does with all of them, and the copy has as many links as the program expects. The name in
 * `partners` says which file of the host it is: volume, file id and time of the last write, since file systems give an id away again.
 *
 * Links to single files (Wine follows those of Unix) are spellings, as those to directories are, but only a link to a file
 * that was copied matters, so nobody asks before one was.
 *
 * Nothing is asked while no file of the host was copied; then the map's filter lets through little but names of copied files. */
#include "layer/files/files.h"

#define LINKS_MAX 1024u /* of a file: NTFS allows no more */

/* The name of all that is kept for a file. */
static bool kept_name(HANDLE lower, const struct map_origin *origin, struct strbuf *nt_path)
{
    union {
        FILE_FS_VOLUME_INFORMATION volume;
        uint8_t room[sizeof(FILE_FS_VOLUME_INFORMATION) + 512];
    } of = {0};
    IO_STATUS_BLOCK io;
    if (nt.NtQueryVolumeInformationFile(lower, &io, &of, sizeof(of), FileFsVolumeInformation) < 0)
        return false;
    buf_add(nt_path, layer.partners);
    buf_add_char(nt_path, '\\');
    buf_add_hex(nt_path, of.volume.VolumeSerialNumber, 8);
    buf_add_hex(nt_path, origin->file_id, 16);
    buf_add_hex(nt_path, origin->write_time, 16);
    buf_add_char(nt_path, '.');
    return !nt_path->overflow;
}

static NTSTATUS open_number(struct strbuf *nt_path, ULONG number, ACCESS_MASK access, HANDLE *kept)
{
    size_t stem = nt_path->len;
    IO_STATUS_BLOCK io;
    buf_add_hex(nt_path, number, 3);
    struct path_attributes at = path_attributes(buf_str(nt_path));
    NTSTATUS status = nt.NtOpenFile(kept, access | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                                    FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
    nt_path->len = stem;
    return status == STATUS_OBJECT_PATH_NOT_FOUND ? STATUS_OBJECT_NAME_NOT_FOUND : status;
}

/* The last one of the `most` names that may be kept. The first is made last and taken last: without it, nothing is kept but
 * what a process left that died. */
static NTSTATUS open_kept(struct strbuf *nt_path, ULONG most, ACCESS_MASK access, HANDLE *kept)
{
    HANDLE first;
    NTSTATUS status = open_number(nt_path, 1, FILE_READ_ATTRIBUTES, &first);
    if (status < 0)
        return status;
    nt.NtClose(first);
    status = STATUS_OBJECT_NAME_NOT_FOUND;
    for (ULONG number = most < LINKS_MAX ? most : LINKS_MAX; number && status == STATUS_OBJECT_NAME_NOT_FOUND; number--)
        status = open_number(nt_path, number, access, kept);
    return status;
}

static ULONG links_of(HANDLE file)
{
    FILE_STANDARD_INFORMATION information;
    IO_STATUS_BLOCK io;
    return nt.NtQueryInformationFile(file, &io, &information, sizeof(information), FileStandardInformation) >= 0 &&
                   !information.Directory
               ? information.NumberOfLinks
               : 0;
}

/* Who has the copy open and does not share it for deleting keeps the kept name where it is (Wine lets it go): then there is one
 * more, and the file has a link too many. */
static NTSTATUS move_kept(struct strbuf *kept_path, ULONG links, struct str to)
{
    enum { FLAGS = FILE_RENAME_REPLACE_IF_EXISTS };
    IO_STATUS_BLOCK io;
    HANDLE kept;
    NTSTATUS status = open_kept(kept_path, links, DELETE, &kept);
    if (status == STATUS_SHARING_VIOLATION)
        status = open_kept(kept_path, links, FILE_WRITE_ATTRIBUTES, &kept);
    if (status < 0)
        return status;
    status = file_set_name(kept, &io, FLAGS, to, FileRenameInformation);
    if (status < 0)
        status = file_set_name(kept, &io, FLAGS, to, FileLinkInformation);
    nt.NtClose(kept);
    return status;
}

NTSTATUS partner_join(HANDLE lower, const struct map_origin *origin, struct str vm_path)
{
    struct file_memory *memory = scratch_take();
    struct strbuf kept_path, path;
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    buf_init(&kept_path, memory->work, PATH_UNITS);
    buf_init(&path, memory->real, PATH_UNITS);
    name_storage(vm_path, &path);
    if (kept_name(lower, origin, &kept_path))
        status = path.overflow ? STATUS_NAME_TOO_LONG : move_kept(&kept_path, links_of(lower), buf_str(&path));
    scratch_give(memory);
    return status;
}

static NTSTATUS make_directory(void)
{
    struct path_attributes at = path_attributes(layer.partners);
    IO_STATUS_BLOCK io;
    HANDLE directory;
    NTSTATUS status = nt.NtCreateFile(&directory, FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io, NULL,
                                      FILE_ATTRIBUTE_NORMAL, SHARE_ALL, FILE_OPEN_IF,
                                      FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    if (status >= 0)
        nt.NtClose(directory);
    return status;
}

NTSTATUS partner_keep(HANDLE own, HANDLE lower, const struct map_origin *origin, ULONG links)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    IO_STATUS_BLOCK io;
    buf_init(&path, memory, PATH_UNITS);
    NTSTATUS status = kept_name(lower, origin, &path) ? make_directory() : STATUS_NOT_SUPPORTED;
    size_t stem = path.len;
    for (ULONG number = (links < LINKS_MAX ? links : LINKS_MAX) - 1; number && status >= 0; number--) {
        path.len = stem;
        buf_add_hex(&path, number, 3);
        status = file_set_name(own, &io, FILE_RENAME_REPLACE_IF_EXISTS, buf_str(&path), FileLinkInformation);
    }
    scratch_give(memory);
    return status;
}

/* ---- met when reading ---- */

bool file_is_link(HANDLE lower, const struct file_name *name, struct file_memory *memory, const struct map_place *place)
{
    struct strbuf own, expected;
    buf_init(&own, memory->more, PATH_UNITS);
    buf_init(&expected, memory->work, PATH_UNITS);
    map_lower(place, buf_str(&name->path), &expected);
    return host_name_of_handle(lower, &own) && place->kind == MAP_NONE &&
           !str_equal_fold(layer.up, buf_str(&own), buf_str(&expected)) &&
           map_set(layer_map(&layer.files), buf_str(&name->path), MAP_LINK, buf_str(&own), NULL);
}

/* Whether a file with that id and time was copied, and kept for its other names. */
static bool is_kept(HANDLE file, const struct map_origin *origin)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    HANDLE kept;
    ULONG links = links_of(file);
    buf_init(&path, memory, PATH_UNITS);
    bool found =
        links > 1 && kept_name(file, origin, &path) && open_kept(&path, links, FILE_READ_ATTRIBUTES, &kept) >= 0;
    if (found)
        nt.NtClose(kept);
    scratch_give(memory);
    return found;
}

/* A file's id costs a request to the system, more than all else that is done to open it: who was found to be no copied file is
 * asked again when another one was copied. */
uint64_t file_originals_version(void)
{
    struct delta_map *map = layer_map(&layer.files);
    return (uint64_t)atomic_load(&layer.files.number) << 32 | map_origins_version(map);
}

static bool is_single(struct str lower)
{
    return checked_has_version(layer.single, layer.up, lower, file_originals_version());
}

/* The file may be one that was copied. */
static bool query_origin(HANDLE file, struct str lower, struct map_origin *origin)
{
    IO_STATUS_BLOCK io;
    FILE_BASIC_INFORMATION basic;
    uint64_t version = file_originals_version(), id = file_id_of(file);
    if (!id)
        return false;
    if (!map_maybe_origin(layer_map(&layer.files), id)) {
        checked_add_version(layer.single, layer.up, lower, version);
        return false;
    }
    *origin = (struct map_origin){.file_id = id};
    if (nt.NtQueryInformationFile(file, &io, &basic, sizeof(basic), FileBasicInformation) < 0)
        return false;
    origin->write_time = (uint64_t)basic.LastWriteTime.QuadPart;
    return true;
}

bool file_alias(HANDLE file, struct str lower, struct file_name *name, struct file_memory *memory)
{
    struct map_origin origin;
    struct map_place place;
    if (is_single(lower) || !query_origin(file, lower, &origin))
        return false;
    layer_lock();
    bool alias = map_resolve(layer_map(&layer.files), buf_str(&name->path), &place) && place.has_lower && !place.link &&
                 (file_is_link(file, name, memory, &place) ||
                  (is_kept(file, &origin) && file_copy_up(name, memory, COPY_ALL) >= 0));
    layer_unlock();
    return alias;
}

bool file_alias_of(struct file_name *name, struct file_memory *memory, const struct map_place *place)
{
    struct strbuf path;
    IO_STATUS_BLOCK io;
    HANDLE file;
    if (!map_origins(layer_map(&layer.files)) || !place->has_lower || place->kind == MAP_DIR)
        return false;
    buf_init(&path, memory->real, PATH_UNITS);
    file_lower_path(name, place, &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    if (is_single(buf_str(&path)) ||
        nt.NtOpenFile(&file, FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                      FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT) < 0)
        return false;
    bool alias = file_alias(file, buf_str(&path), name, memory);
    nt.NtClose(file);
    return alias;
}

enum { TIMES_AT = 8, WRITE_TIME_AT = 24, TIMES_SIZE = 32, END_AT = 40, ALLOCATION_AT = 48, ATTRIBUTES_AT = 56 };

/* Times, sizes and attributes in the order that the system gives them in, by a name and in a list. */
static bool correct(struct file_name *name, struct file_memory *memory, const struct map_place *place, uint8_t *record)
{
    FILE_NETWORK_OPEN_INFORMATION now;
    struct strbuf path;
    ULONG attributes;
    buf_init(&path, memory->real, PATH_UNITS);
    file_real_path(name, place, false, &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    if (nt.NtQueryFullAttributesFile(path_object(&at), &now) < 0)
        return false;
    mem_copy(record + TIMES_AT, &now.CreationTime, TIMES_SIZE);
    mem_copy(record + END_AT, &now.EndOfFile, sizeof(now.EndOfFile));
    mem_copy(record + ALLOCATION_AT, &now.AllocationSize, sizeof(now.AllocationSize));
    mem_copy(&attributes, record + ATTRIBUTES_AT, sizeof(attributes));
    attributes = now.FileAttributes | (attributes & FILE_ATTRIBUTE_REPARSE_POINT);
    mem_copy(record + ATTRIBUTES_AT, &attributes, sizeof(attributes));
    return true;
}

bool file_alias_entry(struct str directory, struct str entry, uint8_t *record)
{
    uint64_t time, size;
    mem_copy(&time, record + WRITE_TIME_AT, sizeof(time));
    mem_copy(&size, record + END_AT, sizeof(size));
    if (!map_origins(layer_map(&layer.files)) || !map_maybe_same(layer_map(&layer.files), time, size))
        return true;
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct map_place place;
    NTSTATUS status;
    buf_add(&name.path, directory);
    buf_add_char(&name.path, '\\');
    buf_add(&name.path, entry);
    do
        status = file_resolve(&name, memory, &place);
    while (status >= 0 && file_alias_of(&name, memory, &place));
    bool there = status < 0 || (place.has_lower && !place.in_storage) || correct(&name, memory, &place, record);
    scratch_give(memory);
    return there;
}
