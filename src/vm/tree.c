/* Directories: their entries, and deleting them whole. What lies in them was made by programs that are not trusted. */
#include "vm/file.h"
#include "vm/text.h"

#include <stdlib.h>

#define LIST_BYTES 65536u
#define DIRECTORY_INFORMATION ((FILE_INFORMATION_CLASS)1)
#define BASIC_INFORMATION ((FILE_INFORMATION_CLASS)4)
#define DISPOSITION_INFORMATION ((FILE_INFORMATION_CLASS)13)
/* Directories can be nested deeper than the stack: what is deeper than this is first moved up. */
#define DELETE_DEPTH 32u
/* On Wine a Unix program deletes many files 50 times faster, but to start it takes as long as deleting a few here. */
#define WINE_BUDGET 64u

struct delete_tree {
    HANDLE top;      /* the directory that deep ones are moved into */
    uint32_t budget; /* entries that may still be looked at */
    uint32_t moved;
    struct strbuf *failed;
    NTSTATUS status; /* of what could not be deleted */
};

struct delete_level {
    struct delete_tree *tree;
    HANDLE directory;
    unsigned depth;
};

/* The three structures that begin alike; NtQueryDirectoryFile gives this one for class 1. */
struct directory_entry {
    ULONG next, index;
    LARGE_INTEGER create, access, write, change, size, allocation;
    ULONG attributes, name_bytes;
    WCHAR name[1];
};

static bool is_dots(struct str name)
{
    return str_equal(name, STR(u".")) || str_equal(name, STR(u".."));
}

/* Visits the entries of one answer; false when the visitor wants no more. */
static bool visit_buffer(const uint8_t *buffer, size_t size, bool (*visit)(void *, const struct file_entry *),
                         void *context)
{
    size_t at = 0;
    for (;;) {
        const struct directory_entry *e = (const struct directory_entry *)(buffer + at);
        struct file_entry entry = {{e->name, e->name_bytes / sizeof(WCHAR)}, e->attributes};
        if (!is_dots(entry.name) && !visit(context, &entry))
            return false;
        if (e->next == 0 || at + e->next >= size)
            return true;
        at += e->next;
    }
}

NTSTATUS directory_visit(HANDLE directory, bool (*visit)(void *context, const struct file_entry *entry), void *context)
{
    uint8_t *buffer = malloc(LIST_BYTES);
    NTSTATUS status = STATUS_NO_MEMORY;
    if (!buffer)
        return status;
    for (bool restart = true;; restart = false) {
        IO_STATUS_BLOCK io = {.Information = 0};
        status = nt.NtQueryDirectoryFile(directory, NULL, NULL, NULL, &io, buffer, LIST_BYTES, DIRECTORY_INFORMATION,
                                         FALSE, NULL, restart);
        if (!NT_SUCCESS(status) || !visit_buffer(buffer, io.Information, visit, context))
            break;
    }
    free(buffer);
    return status == STATUS_NO_MORE_FILES || status == STATUS_NO_SUCH_FILE ? STATUS_SUCCESS : status;
}

static void note_failure(struct delete_tree *tree, struct str name, NTSTATUS status)
{
    if (NT_SUCCESS(status) || status_is_missing(status))
        return;
    tree->status = status;
    if (tree->failed)
        buf_set(tree->failed, name);
}

static NTSTATUS delete_on_close(HANDLE file)
{
    FILE_BASIC_INFORMATION basic = {.FileAttributes = FILE_ATTRIBUTE_NORMAL};
    BOOLEAN delete = TRUE;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtSetInformationFile(file, &io, &delete, sizeof delete, DISPOSITION_INFORMATION);
    if (status == STATUS_CANNOT_DELETE) {
        nt.NtSetInformationFile(file, &io, &basic, sizeof basic, BASIC_INFORMATION);
        status = nt.NtSetInformationFile(file, &io, &delete, sizeof delete, DISPOSITION_INFORMATION);
    }
    return status;
}

static NTSTATUS move_up(struct delete_tree *tree, HANDLE directory)
{
    char16 name[16];
    struct strbuf b;
    NTSTATUS status;
    do {
        buf_init(&b, name, sizeof name / sizeof *name);
        buf_add_char(&b, u'~');
        text_add_number(&b, ++tree->moved);
        status = file_rename(directory, tree->top, buf_str(&b));
    } while (status == STATUS_OBJECT_NAME_COLLISION);
    return status;
}

static bool delete_entry(void *context, const struct file_entry *entry)
{
    struct delete_level *level = context;
    bool directory =
        (entry->attributes & FILE_ATTRIBUTE_DIRECTORY) && !(entry->attributes & FILE_ATTRIBUTE_REPARSE_POINT);
    ULONG attributes = 0;
    HANDLE file;
    if (level->tree->budget == 0)
        return false;
    level->tree->budget--;
    NTSTATUS status = file_open(&file, level->directory, entry->name,
                                DELETE | FILE_WRITE_ATTRIBUTES | (directory ? FILE_LIST_DIRECTORY : 0), FILE_SHARE_ALL,
                                FILE_SAFE_OPTIONS);
    if (NT_SUCCESS(status) && !file_has_name(file, level->directory, entry->name)) {
        nt.NtClose(file);
        status = STATUS_REPARSE_POINT_ENCOUNTERED;
    } else if (NT_SUCCESS(status)) {
        /* asked again: the name may have become another file's since it was listed */
        status = file_attributes(file, &attributes);
        if (directory && NT_SUCCESS(status) && (attributes & FILE_ATTRIBUTE_DIRECTORY) &&
            !(attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
            if (level->depth == DELETE_DEPTH && NT_SUCCESS(move_up(level->tree, file))) {
                nt.NtClose(file);
                return true;
            }
            struct delete_level below = {level->tree, file, level->depth + 1};
            directory_visit(file, delete_entry, &below);
        }
        status = delete_on_close(file);
        nt.NtClose(file);
    }
    note_failure(level->tree, entry->name, status);
    return true;
}

static NTSTATUS delete_entries(HANDLE directory, uint32_t budget, struct strbuf *failed)
{
    struct delete_tree tree = {directory, budget, 0, failed, STATUS_SUCCESS};
    struct delete_level level = {&tree, directory, 0};
    for (uint32_t before = UINT32_MAX; tree.moved != before;) {
        before = tree.moved;
        tree.status = STATUS_SUCCESS;
        directory_visit(directory, delete_entry, &level);
    }
    return tree.status;
}

/* Wine would delete what a Unix link leads to. So links are left to a program that knows them. */
static void delete_unix_tree(struct str path)
{
    char *(CDECL * to_unix)(const WCHAR *) =
        (char *(CDECL *)(const WCHAR *))(void *)GetProcAddress(GetModuleHandleA("kernel32"), "wine_get_unix_file_name");
    char16 dos[MAX_PATH * 4];
    struct strbuf b;
    buf_init(&b, dos, sizeof dos / sizeof *dos);
    buf_add(&b, str_from(path, 4)); /* without \??\ */
    char *unix_path = to_unix && buf_terminate(&b) ? to_unix(dos) : NULL;
    if (!unix_path)
        return;
    char *arguments[] = {"rm", "-rf", "--", unix_path, NULL};
    nt.__wine_unix_spawnvp(arguments, TRUE);
    HeapFree(GetProcessHeap(), 0, unix_path);
}

static NTSTATUS delete_once(struct str path, uint32_t budget, struct strbuf *failed)
{
    HANDLE directory;
    NTSTATUS status = file_open(&directory, NULL, path, DELETE | FILE_LIST_DIRECTORY | FILE_WRITE_ATTRIBUTES,
                                FILE_SHARE_ALL, FILE_SAFE_OPTIONS);
    if (!NT_SUCCESS(status))
        return status_is_missing(status) ? STATUS_SUCCESS : status;
    NTSTATUS left = delete_entries(directory, budget, failed);
    status = delete_on_close(directory);
    nt.NtClose(directory);
    return NT_SUCCESS(left) ? status : left;
}

NTSTATUS tree_delete(struct str path, struct strbuf *failed)
{
    if (!nt.__wine_unix_spawnvp)
        return delete_once(path, UINT32_MAX, failed);
    NTSTATUS status = delete_once(path, WINE_BUDGET, failed);
    if (NT_SUCCESS(status))
        return status;
    delete_unix_tree(path);
    return delete_once(path, UINT32_MAX, failed);
}
