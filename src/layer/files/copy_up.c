/* Copy-up: makes a name of the host the VM's own, once, at its first change.
 *
 * Everything is done under the VM's writer lock and in the order content, journal, map: until the journal says so the copy does
 * not count, so a process that dies half way leaves a file that nobody sees and that the next copy overwrites. */
#include "layer/files/files.h"

#define FSCTL_DUPLICATE_EXTENTS 0x00098344u /* Windows Server 2016, ReFS and Dev Drive */

struct original {
    FILE_BASIC_INFORMATION basic;
    FILE_STANDARD_INFORMATION standard;
    struct map_origin origin;
};

static NTSTATUS query_original(HANDLE file, struct original *original)
{
    IO_STATUS_BLOCK io;
    NTSTATUS status =
        nt.NtQueryInformationFile(file, &io, &original->basic, sizeof(original->basic), FileBasicInformation);
    if (status >= 0)
        status = nt.NtQueryInformationFile(file, &io, &original->standard, sizeof(original->standard),
                                           FileStandardInformation);
    if (status < 0)
        return status;
    original->origin = (struct map_origin){
        .file_id = file_id_of(file),
        .size = (uint64_t)original->standard.EndOfFile.QuadPart,
        .write_time = (uint64_t)original->basic.LastWriteTime.QuadPart,
    };
    return STATUS_SUCCESS;
}

static NTSTATUS set_basic(HANDLE file, const FILE_BASIC_INFORMATION *basic)
{
    FILE_BASIC_INFORMATION information = *basic;
    IO_STATUS_BLOCK io;
    if (!information.FileAttributes)
        information.FileAttributes = FILE_ATTRIBUTE_NORMAL;
    return nt.NtSetInformationFile(file, &io, &information, sizeof(information), FileBasicInformation);
}

static NTSTATUS copy_content(HANDLE from, HANDLE to, uint64_t size)
{
    struct {
        HANDLE file;
        LARGE_INTEGER source, target, count;
    } clone = {.file = from, .count.QuadPart = (LONGLONG)size};
    IO_STATUS_BLOCK io;
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile.QuadPart = (LONGLONG)size};
    NTSTATUS status = nt.NtSetInformationFile(to, &io, &end, sizeof(end), FileEndOfFileInformation);
    if (status < 0 || !size)
        return status;
    if (nt.NtFsControlFile(to, NULL, NULL, NULL, &io, FSCTL_DUPLICATE_EXTENTS, &clone, sizeof(clone), NULL, 0) >= 0)
        return STATUS_SUCCESS;
    void *chunk = scratch_take();
    LARGE_INTEGER at = {.QuadPart = 0};
    for (;;) {
        status = nt.NtReadFile(from, NULL, NULL, NULL, &io, chunk, SCRATCH_SIZE, &at, NULL);
        if (status < 0 || !io.Information)
            break;
        ULONG count = (ULONG)io.Information;
        status = nt.NtWriteFile(to, NULL, NULL, NULL, &io, chunk, count, &at, NULL);
        if (status < 0)
            break;
        at.QuadPart += count;
    }
    scratch_give(chunk);
    return status == STATUS_END_OF_FILE ? STATUS_SUCCESS : status;
}

/* Security and extended attributes: as far as the file system has them and the VM may read them. */
static void copy_security(HANDLE from, HANDLE to)
{
    enum { EA_MAX = 65536 };
    uint8_t *buffer = scratch_take();
    ULONG length = 0;
    IO_STATUS_BLOCK io;
    if (nt.NtQuerySecurityObject(from, DACL_SECURITY_INFORMATION, buffer, SCRATCH_SIZE, &length) >= 0)
        nt.NtSetSecurityObject(to, DACL_SECURITY_INFORMATION, buffer);
    if (nt.NtQueryEaFile(from, &io, buffer, EA_MAX, FALSE, NULL, 0, NULL, TRUE) >= 0 && io.Information)
        nt.NtSetEaFile(to, &io, buffer, (ULONG)io.Information);
    scratch_give(buffer);
}

static NTSTATUS open_relative(HANDLE file, struct str stream, ACCESS_MASK access, ULONG disposition, HANDLE *handle)
{
    struct path_attributes at = path_attributes(stream);
    IO_STATUS_BLOCK io;
    path_object(&at)->RootDirectory = file;
    return nt.NtCreateFile(handle, access | SYNCHRONIZE, &at.attributes, &io, NULL, 0, SHARE_ALL, disposition,
                           FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
}

static NTSTATUS copy_stream(HANDLE from, HANDLE to, const FILE_STREAM_INFORMATION *stream)
{
    struct str name = {(const char16 *)stream->StreamName, stream->StreamNameLength / sizeof(char16)};
    HANDLE source, target;
    NTSTATUS status = open_relative(from, name, FILE_READ_DATA, FILE_OPEN, &source);
    if (status < 0)
        return status;
    status = open_relative(to, name, FILE_WRITE_DATA, FILE_OVERWRITE_IF, &target);
    if (status >= 0) {
        status = copy_content(source, target, (uint64_t)stream->StreamSize.QuadPart);
        nt.NtClose(target);
    }
    nt.NtClose(source);
    return status;
}

/* Alternate data streams; the unnamed one ("::$DATA") is the content itself. */
static NTSTATUS copy_streams(HANDLE from, HANDLE to)
{
    uint8_t *buffer = scratch_take();
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(from, &io, buffer, SCRATCH_SIZE, FileStreamInformation);
    if (status >= 0 && io.Information)
        for (FILE_STREAM_INFORMATION *stream = (FILE_STREAM_INFORMATION *)buffer;;) {
            bool named = stream->StreamNameLength >= 2 * sizeof(WCHAR) && stream->StreamName[1] != ':';
            status = named ? copy_stream(from, to, stream) : STATUS_SUCCESS;
            if (status < 0 || !stream->NextEntryOffset)
                break;
            stream = (FILE_STREAM_INFORMATION *)((uint8_t *)stream + stream->NextEntryOffset);
        }
    else
        status = STATUS_SUCCESS; /* a file system without streams */
    scratch_give(buffer);
    return status;
}

static NTSTATUS create_in_storage(struct str vm_path, ACCESS_MASK access, ULONG options, HANDLE *handle)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    buf_init(&path, memory, PATH_UNITS);
    name_storage(vm_path, &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtCreateFile(handle, access | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io, NULL,
                                      FILE_ATTRIBUTE_NORMAL, SHARE_ALL,
                                      options & FILE_DIRECTORY_FILE ? FILE_OPEN_IF : FILE_OVERWRITE_IF,
                                      options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT, NULL, 0);
    scratch_give(memory);
    return path.overflow ? STATUS_NAME_TOO_LONG : status;
}

NTSTATUS file_record(struct str path, enum map_kind kind, struct str lower, const struct map_origin *origin)
{
    return layer_record(&layer.files, path, kind, lower, origin);
}

/* The last component of the path (a head of the name's own) as its lower spells it: programs use any case. */
static void respell(struct str path, HANDLE lower)
{
    struct strbuf host;
    char16 *memory = scratch_take();
    buf_init(&host, memory, PATH_UNITS);
    struct str leaf = path_leaf(path);
    if (host_name_of_handle(lower, &host) && str_equal_fold(layer.up, leaf, path_leaf(buf_str(&host))))
        mem_copy((char16 *)leaf.s, path_leaf(buf_str(&host)).s, leaf.len * sizeof(char16));
    scratch_give(memory);
}

/* A directory's own times do not change because a copy of what is in it is put into the storage. */
struct parent_times {
    HANDLE directory;
    FILE_BASIC_INFORMATION basic;
};

static void keep_parent_times(struct str vm_path, struct parent_times *times)
{
    IO_STATUS_BLOCK io;
    times->directory = NULL;
    if (create_in_storage(path_parent(vm_path), FILE_READ_ATTRIBUTES, FILE_DIRECTORY_FILE, &times->directory) < 0)
        times->directory = NULL;
    else
        nt.NtQueryInformationFile(times->directory, &io, &times->basic, sizeof(times->basic), FileBasicInformation);
}

static void restore_parent_times(struct parent_times *times)
{
    if (!times->directory)
        return;
    set_basic(times->directory, &times->basic);
    nt.NtClose(times->directory);
}

/* ---- directories ---- */

static NTSTATUS open_lower_of(struct str vm_path, const struct map_place *place, ACCESS_MASK access, ULONG options,
                              HANDLE *handle)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct strbuf path;
    buf_add(&name.path, vm_path);
    buf_init(&path, memory->real, PATH_UNITS);
    file_lower_path(&name, place, &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtOpenFile(handle, access | FILE_READ_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io,
                                    SHARE_ALL, options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
    scratch_give(memory);
    return status;
}

/* UNC and UNC\server are no directories of any file system: the storage just has them. */
static bool above_share(struct str path)
{
    return str_equal_fold(layer.up, path_first(path), STR(u"UNC")) && !path_rest(path_rest(path)).len;
}

static NTSTATUS mirror_directory(struct str path, const struct map_place *place)
{
    struct original original = {0};
    struct parent_times times;
    HANDLE lower = NULL, own;
    NTSTATUS status = STATUS_SUCCESS;
    if (!above_share(path)) {
        status = open_lower_of(path, place, READ_CONTROL, FILE_DIRECTORY_FILE, &lower);
        if (status < 0)
            return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_NOT_A_DIRECTORY
                       ? STATUS_OBJECT_PATH_NOT_FOUND
                       : status;
        status = query_original(lower, &original);
        respell(path, lower);
    }
    keep_parent_times(path, &times);
    if (status >= 0)
        status = create_in_storage(path, WRITE_DAC | FILE_WRITE_EA, FILE_DIRECTORY_FILE, &own);
    restore_parent_times(&times);
    if (status >= 0) {
        if (lower) {
            copy_security(lower, own);
            status = set_basic(own, &original.basic);
        }
        nt.NtClose(own);
    }
    if (lower)
        nt.NtClose(lower);
    return status < 0 ? status : file_record(path, MAP_DIR, (struct str){0}, &original.origin);
}

NTSTATUS file_mirror_parents(const struct file_name *name)
{
    struct str path = buf_str(&name->path);
    size_t parent = path_parent(path).len;
    for (size_t at = 0; at < parent; at++) {
        at += str_find(str_from(path, at), '\\');
        struct str directory = str_head(path, at);
        struct map_place place;
        if (!map_resolve(layer_map(&layer.files), directory, &place))
            return STATUS_RETRY;
        if (place.kind == MAP_DIR || !place.has_lower)
            continue;
        NTSTATUS status = mirror_directory(directory, &place);
        if (status < 0)
            return status;
    }
    return STATUS_SUCCESS;
}

/* ---- files ---- */

static NTSTATUS fill(HANDLE lower, HANDLE own, const struct original *original, enum copy_what what)
{
    IO_STATUS_BLOCK io;
    FILE_END_OF_FILE_INFORMATION end = {.EndOfFile = original->standard.EndOfFile};
    NTSTATUS status;
    if (what == COPY_META)
        status = nt.NtSetInformationFile(own, &io, &end, sizeof(end), FileEndOfFileInformation);
    else
        status = copy_content(lower, own, original->origin.size);
    if (status >= 0 && what == COPY_ALL)
        status = copy_streams(lower, own);
    if (status < 0)
        return status;
    copy_security(lower, own);
    return set_basic(own, &original->basic);
}

void file_remove_leftover(const struct file_name *name)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    buf_init(&path, memory, PATH_UNITS);
    name_storage(buf_str(&name->path), &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    nt.NtDeleteFile(path_object(&at));
    scratch_give(memory);
}

/* A hollow copy with the read-only attribute cannot be opened for filling. */
static void make_writable(struct str path)
{
    char16 *memory = scratch_take();
    struct strbuf nt_path;
    buf_init(&nt_path, memory, PATH_UNITS);
    name_storage(path, &nt_path);
    struct path_attributes at = path_attributes(buf_str(&nt_path));
    IO_STATUS_BLOCK io;
    HANDLE file;
    FILE_BASIC_INFORMATION basic = {.FileAttributes = FILE_ATTRIBUTE_NORMAL};
    if (nt.NtOpenFile(&file, FILE_WRITE_ATTRIBUTES | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                      FILE_SYNCHRONOUS_IO_NONALERT) >= 0) {
        nt.NtSetInformationFile(file, &io, &basic, sizeof(basic), FileBasicInformation);
        nt.NtClose(file);
    }
    scratch_give(memory);
}

static bool has_partners(const struct original *original)
{
    return !original->standard.Directory && original->standard.NumberOfLinks > 1;
}

static NTSTATUS make_copy(struct str path, HANDLE lower, const struct original *original, enum copy_what what)
{
    enum { ACCESS = FILE_WRITE_DATA | WRITE_DAC | FILE_WRITE_EA };
    HANDLE own;
    NTSTATUS status = create_in_storage(path, ACCESS, FILE_NON_DIRECTORY_FILE, &own);
    if (status == STATUS_ACCESS_DENIED) { /* what a copy that was cut off left behind is read-only */
        make_writable(path);
        status = create_in_storage(path, ACCESS, FILE_NON_DIRECTORY_FILE, &own);
    }
    if (status < 0)
        return status;
    status = fill(lower, own, original, what);
    if (status >= 0 && has_partners(original) &&
        partner_keep(own, lower, &original->origin, original->standard.NumberOfLinks) < 0)
        log_refusal("other names of the file keep its old content", path, STATUS_NOT_SUPPORTED);
    nt.NtClose(own);
    return status;
}

static NTSTATUS copy_file(struct file_name *name, HANDLE lower, const struct map_place *place,
                          const struct original *original, enum copy_what what)
{
    struct str path = buf_str(&name->path);
    struct parent_times times;
    NTSTATUS status = file_mirror_parents(name);
    if (status < 0)
        return status;
    respell(path, lower);
    if (place->kind == MAP_META)
        make_writable(path);
    keep_parent_times(path, &times);
    status = has_partners(original) ? partner_join(lower, &original->origin, path) : STATUS_OBJECT_NAME_NOT_FOUND;
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        status = make_copy(path, lower, original, what);
    restore_parent_times(&times);
    if (status < 0)
        return status;
    log_event(what == COPY_ALL ? "copy-up" : "copy-up-metadata", path);
    return file_record(path, what == COPY_ALL ? MAP_OWN : MAP_META, (struct str){0}, &original->origin);
}

static bool in_storage(const struct file_name *name)
{
    char16 *memory = scratch_take();
    struct strbuf path;
    FILE_BASIC_INFORMATION information;
    buf_init(&path, memory, PATH_UNITS);
    name_storage(buf_str(&name->path), &path);
    struct path_attributes at = path_attributes(buf_str(&path));
    NTSTATUS status = nt.NtQueryAttributesFile(path_object(&at), &information);
    scratch_give(memory);
    return status >= 0;
}

static NTSTATUS copy_up_locked(struct file_name *name, struct file_memory *memory, enum copy_what what)
{
    for (;;) {
        struct map_place place;
        struct original original;
        HANDLE lower;
        NTSTATUS status = file_resolve(name, memory, &place);
        if (status < 0 || place.hidden || !place.has_lower || place.kind == MAP_DIR ||
            (place.kind == MAP_META && what == COPY_META))
            return status;
        if (place.kind == MAP_META && !in_storage(name))
            return STATUS_OBJECT_NAME_NOT_FOUND; /* deleted since */
        ACCESS_MASK access = READ_CONTROL | FILE_READ_EA | (what == COPY_ALL ? FILE_READ_DATA : 0);
        status = open_lower_of(buf_str(&name->path), &place, access, 0, &lower);
        if (status == STATUS_SHARING_VIOLATION)
            return log_refusal("cannot copy", buf_str(&name->path), status);
        if (status < 0)
            return status;
        bool again = file_is_link(lower, name, memory, &place);
        if (!again)
            status = query_original(lower, &original);
        if (!again && status >= 0 && what == COPY_META && has_partners(&original)) {
            what = COPY_ALL; /* its other names need the content, whatever becomes of this one */
            again = true;
        }
        if (again) {
            nt.NtClose(lower);
            continue;
        }
        if (status >= 0 && original.standard.Directory) {
            status = file_mirror_parents(name);
            if (status >= 0)
                status = mirror_directory(buf_str(&name->path), &place);
        } else if (status >= 0)
            status = copy_file(name, lower, &place, &original, what);
        nt.NtClose(lower);
        return status < 0 ? log_refusal("cannot copy", buf_str(&name->path), status) : status;
    }
}

NTSTATUS file_copy_up(struct file_name *name, struct file_memory *memory, enum copy_what what)
{
    layer_lock();
    NTSTATUS status = copy_up_locked(name, memory, what);
    layer_unlock();
    return status;
}
