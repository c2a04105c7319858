/* Where the keys of a VM are, and removing them. */
#include "vm/registry.h"

#include "nt/owner.h"
#include "vm/file.h"
#include "vm/text.h"

#include <stdlib.h>

#define KEY_ROOT u"\\REGISTRY\\"
#define CREATED_DIGITS 16u

NTSYSAPI NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(UNICODE_STRING *path);
struct str registry_home(char16 out[VM_PATH_MAX])
{
    UNICODE_STRING user;
    struct strbuf b;
    buf_init(&b, out, VM_PATH_MAX);
    if (!NT_SUCCESS(RtlFormatCurrentUserKeyPath(&user)))
        return (struct str){0};
    buf_add(&b, str_from((struct str){user.Buffer, user.Length / sizeof(char16)}, STR(KEY_ROOT).len));
    RtlFreeUnicodeString(&user);
    path_add(&b, STR(u"Software"));
    path_add(&b, STR(u"FVM"));
    return b.overflow ? (struct str){0} : buf_str(&b);
}

struct str registry_root(const struct vm *vm, char16 out[VM_PATH_MAX])
{
    struct strbuf b;
    struct str home = registry_home(out);
    if (!home.len)
        return home;
    b = (struct strbuf){.s = out, .len = home.len, .cap = VM_PATH_MAX};
    path_add(&b, str_of(vm->name));
    buf_add_char(&b, u'-');
    buf_add_hex(&b, (uint64_t)vm->created, CREATED_DIGITS);
    return b.overflow ? (struct str){0} : buf_str(&b);
}

typedef NTSTATUS open_function(const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, HANDLE *key);

static NTSTATUS open_plain(const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, HANDLE *key)
{
    return nt.NtOpenKey(key, access, attributes);
}

static NTSTATUS open_as_owner(const OBJECT_ATTRIBUTES *attributes, ACCESS_MASK access, HANDLE *key)
{
    void *memory = malloc(OWNER_DESCRIPTOR_SIZE);
    NTSTATUS status = memory ? owner_open_key(attributes, access, key, memory) : STATUS_NO_MEMORY;
    free(memory);
    return status;
}

static NTSTATUS open_name(struct str path, ACCESS_MASK access, HANDLE *key, open_function *open)
{
    struct strbuf nt_path;
    NTSTATUS status = STATUS_NO_MEMORY;
    if (!path_alloc(&nt_path))
        return status;
    buf_add(&nt_path, STR(KEY_ROOT));
    buf_add(&nt_path, path);
    status = STATUS_OBJECT_NAME_INVALID;
    if (path.len && !nt_path.overflow) {
        UNICODE_STRING name = {(USHORT)(nt_path.len * sizeof(char16)), (USHORT)(nt_path.len * sizeof(char16)),
                               nt_path.s};
        OBJECT_ATTRIBUTES attributes;
        InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_OPENLINK, NULL, NULL);
        status = open(&attributes, access | KEY_WOW64_64KEY, key);
    }
    path_free(&nt_path);
    return status;
}

NTSTATUS registry_open(struct str path, ACCESS_MASK access, HANDLE *key)
{
    return open_name(path, access, key, open_plain);
}

NTSTATUS registry_open_own(struct str path, ACCESS_MASK access, HANDLE *key)
{
    return open_name(path, access, key, open_as_owner);
}

/* The VM's stored key of that name and ending. */
static NTSTATUS open_stored(const struct vm *vm, struct str path, struct str end, ACCESS_MASK access, HANDLE *key)
{
    char16 memory[VM_PATH_MAX];
    struct str root = registry_root(vm, memory);
    struct strbuf whole;
    NTSTATUS status = STATUS_NO_MEMORY;
    if (!root.len || !path_alloc(&whole))
        return status;
    buf_add(&whole, root);
    path_add(&whole, path);
    buf_add(&whole, end);
    status = whole.overflow ? STATUS_NAME_TOO_LONG : registry_open_own(buf_str(&whole), access, key);
    path_free(&whole);
    return status;
}

bool registry_stored(const struct vm *vm, struct str path)
{
    HANDLE key;
    if (!NT_SUCCESS(open_stored(vm, path, (struct str){0}, KEY_QUERY_VALUE, &key)))
        return false;
    nt.NtClose(key);
    return true;
}

void registry_remove_guard(const struct vm *vm, struct str path)
{
    HANDLE key;
    if (!NT_SUCCESS(open_stored(vm, path, STR(KEY_GUARD), DELETE | KEY_QUERY_VALUE, &key)))
        return;
    owner_delete_guard(key);
    nt.NtClose(key);
}

/* Deepest first, without recursion: keys can be nested deeper than the stack. */
static NTSTATUS delete_tree(struct strbuf *path, FVM_KEY_BASIC_INFORMATION *child, ULONG size)
{
    size_t top = path->len;
    while (path->len >= top) {
        ULONG length;
        HANDLE key;
        NTSTATUS status = registry_open_own(buf_str(path), DELETE | KEY_ENUMERATE_SUB_KEYS, &key);
        if (status == STATUS_OBJECT_NAME_NOT_FOUND && path->len == top)
            return STATUS_SUCCESS;
        if (!NT_SUCCESS(status))
            return status;
        if (NT_SUCCESS(nt.NtEnumerateKey(key, 0, KeyBasicInformationClass, child, size, &length))) {
            buf_add_char(path, u'\\');
            buf_add(path, (struct str){child->Name, child->NameLength / sizeof(char16)});
            status = path->overflow ? STATUS_NAME_TOO_LONG : STATUS_SUCCESS;
        } else {
            status = nt.NtDeleteKey(key);
            path->len = path_parent(buf_str(path)).len;
        }
        nt.NtClose(key);
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_SUCCESS;
}

NTSTATUS registry_delete(const struct vm *vm)
{
    enum { CHILD_BYTES = 65536 };
    char16 memory[VM_PATH_MAX];
    struct str root = registry_root(vm, memory);
    struct strbuf path = {0};
    void *child = malloc(CHILD_BYTES);
    NTSTATUS status = STATUS_NO_MEMORY;
    HANDLE home;
    if (child && root.len && path_alloc(&path)) {
        buf_add(&path, root);
        status = delete_tree(&path, child, CHILD_BYTES);
    }
    path_free(&path);
    free(child);
    /* refused by the system as long as there is another VM's */
    if (NT_SUCCESS(status) && NT_SUCCESS(registry_open(path_parent(root), DELETE, &home))) {
        nt.NtDeleteKey(home);
        nt.NtClose(home);
    }
    return status;
}
