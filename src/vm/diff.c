/* fvm_diff: what the VM's files are now, against the host's. The journal says where to look; what is there says what
 * happened. Nodes of the map are visited by map_walk, what lies below a node without nodes of its own by listing. */
#include "vm/changes.h"
#include "vm/compare.h"
#include "vm/error.h"
#include "vm/file.h"
#include "vm/report.h"

#include <stdlib.h>
#include <string.h>

#define DIFF u"compare VM"
/* Nested deeper, a tree is reported to be too deep rather than overflow the stack. */
#define DEPTH_MAX 1000u

struct diff {
    const struct vm *vm;
    struct delta_map *map;
    HANDLE files;
    struct report report;
    struct strbuf path;  /* of what is looked at: C\a\b */
    struct strbuf lower; /* its counterpart on the host, in the same form; empty: none */
    struct strbuf text, text2;
    unsigned depth;
    bool failed;
    NTSTATUS status;
};

static void fail(struct diff *d, NTSTATUS status)
{
    d->failed = true;
    d->status = status;
}

static void add(struct diff *d, enum fvm_change_kind kind, bool directory, struct str from)
{
    d->text2.len = 0;
    path_dos_of_delta(buf_str(&d->path), &d->text);
    if (from.len > 0)
        path_dos_of_delta(from, &d->text2);
    if (d->text.overflow || d->text2.overflow ||
        !report_add(&d->report, kind, directory, buf_str(&d->text), buf_str(&d->text2)))
        fail(d, STATUS_NO_MEMORY);
}

/* What the VM's name would lead to if its own node did not exist: the lower of the directory above it, and its leaf. */
static void set_lower_from_parent(struct diff *d)
{
    struct str path = buf_str(&d->path), parent = path_parent(path);
    struct map_place place;
    d->lower.len = 0;
    if (parent.len == 0) {
        buf_set(&d->lower, path);
    } else if (map_resolve(d->map, parent, &place) && place.has_lower && !place.link) {
        map_lower(&place, parent, &d->lower);
        path_add(&d->lower, path_leaf(path));
    }
    if (d->lower.overflow || !path_valid(buf_str(&d->lower)))
        d->lower.len = 0;
}

static HANDLE open_lower(struct diff *d)
{
    HANDLE file;
    if (d->lower.len == 0)
        return NULL;
    path_nt_of_delta(buf_str(&d->lower), &d->text);
    NTSTATUS status = file_open(&file, NULL, buf_str(&d->text), FILE_READ_DATA, FILE_SHARE_ALL, FILE_SAFE_OPTIONS);
    if (status == STATUS_ACCESS_DENIED || status == STATUS_SHARING_VIOLATION)
        status = file_open(&file, NULL, buf_str(&d->text), 0, FILE_SHARE_ALL, FILE_SAFE_OPTIONS);
    return NT_SUCCESS(status) ? file : NULL;
}

static void compare(struct diff *d, HANDLE file);

/* A name that leads out of the storage: only a program that went around FVM can have made it. Not followed. */
static void add_link(struct diff *d)
{
    HANDLE host = open_lower(d);
    add(d, host ? FVM_MODIFIED : FVM_ADDED, false, (struct str){0});
    if (host)
        nt.NtClose(host);
}

/* What storage has under d->path. Not there is no failure: the status says so. */
static NTSTATUS compare_stored(struct diff *d)
{
    HANDLE file;
    NTSTATUS status = file_open_below(&file, d->files, buf_str(&d->path), FILE_READ_DATA);
    if (NT_SUCCESS(status)) {
        compare(d, file);
        nt.NtClose(file);
    } else if (status == STATUS_REPARSE_POINT_ENCOUNTERED) {
        add_link(d);
    } else if (!status_is_missing(status)) {
        fail(d, status);
    }
    return status;
}

static bool own_child(void *context, const struct file_entry *entry)
{
    struct diff *d = context;
    size_t path_len = d->path.len, lower_len = d->lower.len;
    struct map_place place;
    path_add(&d->path, entry->name);
    if (lower_len > 0)
        path_add(&d->lower, entry->name);
    if (d->path.overflow || d->lower.overflow)
        fail(d, STATUS_NAME_TOO_LONG);
    else if (!map_resolve(d->map, buf_str(&d->path), &place) || place.kind == MAP_NONE)
        compare_stored(d);
    d->path.len = path_len;
    d->lower.len = lower_len;
    return !d->failed;
}

/* An entry of the host's directory that the VM's own directory of that name does not have. */
static bool lower_child(void *context, const struct file_entry *entry)
{
    struct diff *d = context;
    size_t path_len = d->path.len;
    struct map_place place;
    HANDLE file;
    path_add(&d->path, entry->name);
    if (!d->path.overflow && (!map_resolve(d->map, buf_str(&d->path), &place) || place.kind == MAP_NONE)) {
        NTSTATUS status = file_open_below(&file, d->files, buf_str(&d->path), 0);
        if (NT_SUCCESS(status))
            nt.NtClose(file);
        else if (status_is_missing(status))
            add(d, FVM_DELETED, entry->attributes & FILE_ATTRIBUTE_DIRECTORY, (struct str){0});
    }
    d->path.len = path_len;
    return !d->failed;
}

static void visit_below(struct diff *d, HANDLE directory, bool (*visit)(void *, const struct file_entry *))
{
    if (d->depth == DEPTH_MAX) {
        fail(d, STATUS_NAME_TOO_LONG);
        return;
    }
    d->depth++;
    NTSTATUS status = directory_visit(directory, visit, d);
    d->depth--;
    if (!NT_SUCCESS(status) && !d->failed)
        fail(d, status);
}

/* What storage decides about alone: `file` is open there under d->path; d->lower says what the host has. */
static void compare(struct diff *d, HANDLE file)
{
    HANDLE host = open_lower(d);
    enum compare_result result = COMPARE_DIFFERENT;
    bool directory = compare_is_directory(file), host_directory = host && compare_is_directory(host);
    if (!host)
        add(d, FVM_ADDED, directory, (struct str){0});
    else if ((result = compare_files(file, host)) == COMPARE_DIFFERENT)
        add(d, FVM_MODIFIED, directory, (struct str){0});
    if (result == COMPARE_FAILED)
        add(d, FVM_MODIFIED, directory, (struct str){0});
    if (directory && !d->failed) {
        size_t lower_len = d->lower.len;
        if (!host_directory)
            d->lower.len = 0;
        visit_below(d, file, own_child);
        d->lower.len = lower_len;
        if (host_directory && !d->failed)
            visit_below(d, host, lower_child);
    }
    if (host)
        nt.NtClose(host);
}

static void visit_own(struct diff *d)
{
    HANDLE host;
    set_lower_from_parent(d);
    if (status_is_missing(compare_stored(d)) && (host = open_lower(d)) != NULL) {
        add(d, FVM_DELETED, compare_is_directory(host), (struct str){0});
        nt.NtClose(host);
    }
}

/* Whether the VM still has the host's file under the host's name, too: then the other name is a link to it. */
static bool still_there(const struct diff *d, struct str lower)
{
    struct map_place place;
    return map_resolve(d->map, lower, &place) && !place.hidden && place.has_lower &&
           (place.kind == MAP_NONE || place.kind == MAP_PLAIN) && !place.in_storage;
}

/* A directory or file in storage whose content is the host's: under its own name, or, when renamed, under another. */
static void visit_shared(struct diff *d, enum map_kind kind, struct str lower)
{
    HANDLE file, host;
    NTSTATUS status;
    bool directory = kind == MAP_DIR;
    bool renamed = lower.len > 0 && !str_equal_fold(map_upcase(d->map), lower, buf_str(&d->path));
    status = file_open_below(&file, d->files, buf_str(&d->path), 0);
    if (!NT_SUCCESS(status)) {
        visit_own(d); /* deleted since, most likely: what is in storage decides here, too */
        return;
    }
    if (lower.len > 0)
        buf_set(&d->lower, lower);
    else
        set_lower_from_parent(d);
    if (renamed && still_there(d, lower))
        add(d, FVM_ADDED, directory, (struct str){0});
    else if (renamed)
        add(d, FVM_RENAMED, directory, lower);
    host = open_lower(d);
    if (host && !compare_same_attributes(file, host))
        add(d, FVM_MODIFIED, directory, (struct str){0});
    if (host)
        nt.NtClose(host);
    else if (!renamed)
        add(d, FVM_ADDED, directory, (struct str){0});
    nt.NtClose(file);
}

static bool visit_node(void *context, struct str path, enum map_kind kind, struct str lower,
                       const struct map_origin *origin)
{
    struct diff *d = context;
    (void)origin;
    buf_set(&d->path, path);
    if (kind == MAP_OWN)
        visit_own(d);
    else
        visit_shared(d, kind, lower);
    return !d->failed;
}

/* Reads the journal into a private map. The VM may be running: its journal only grows, and its end may be half written. */
static enum fvm_result load(struct diff *d, struct fvm_error *error)
{
    char16 path[VM_PATH_MAX];
    struct changes changes = {.files = d->files};
    uint64_t size = 0;
    enum fvm_result result;
    struct str name = vm_part(d->vm, u"delta.log", path);
    NTSTATUS status = file_open(&changes.journal, NULL, name, FILE_READ_DATA, FILE_SHARE_ALL, FILE_NON_DIRECTORY_FILE);
    if (!NT_SUCCESS(status))
        return error_system(error, FVM_FAILED, u"open the journal", str_from(name, 4), status, u"");
    file_size(changes.journal, &size);
    d->map = changes_map(size);
    if (d->map)
        result = changes_replay(&changes, d->vm, d->map, error);
    else
        result = error_memory(error, DIFF, str_of(d->vm->name));
    changes_free(&changes);
    nt.NtClose(changes.journal);
    return result;
}

static enum fvm_result run_diff(struct diff *d, bool (*visit)(void *context, const struct fvm_change *change),
                                void *context, struct fvm_error *error)
{
    enum fvm_result result = load(d, error);
    if (result != FVM_OK)
        return result;
    map_walk(d->map, visit_node, d);
    if (d->failed) {
        path_dos_of_delta(buf_str(&d->path), &d->text);
        return error_system(error, FVM_FAILED, u"compare", buf_str(&d->text), d->status, u"");
    }
    report_visit(&d->report, map_upcase(d->map), visit, context);
    return FVM_OK;
}

enum fvm_result fvm_diff(struct fvm_home *home, const wchar_t *name,
                         bool (*visit)(void *context, const struct fvm_change *change), void *context,
                         struct fvm_error *error)
{
    char16 part[VM_PATH_MAX];
    struct vm vm;
    struct diff d = {.vm = &vm};
    enum fvm_result result = vm_open(&vm, home, name, DIFF, error);
    if (result != FVM_OK)
        return result;
    NTSTATUS status = file_open(&d.files, NULL, vm_part(&vm, u"files", part), FILE_LIST_DIRECTORY | FILE_TRAVERSE,
                                FILE_SHARE_ALL, FILE_DIRECTORY_FILE | FILE_SAFE_OPTIONS);
    if (!NT_SUCCESS(status))
        result = error_system(error, FVM_FAILED, DIFF, str_of(vm.name), status, u"");
    else if (path_alloc(&d.path) && path_alloc(&d.lower) && path_alloc(&d.text) && path_alloc(&d.text2))
        result = run_diff(&d, visit, context, error);
    else
        result = error_memory(error, DIFF, str_of(vm.name));
    if (d.files)
        nt.NtClose(d.files);
    if (d.map)
        VirtualFree(d.map, 0, MEM_RELEASE);
    report_free(&d.report);
    path_free(&d.path);
    path_free(&d.lower);
    path_free(&d.text);
    path_free(&d.text2);
    return result;
}
