/* What the test programs of the registry share: opening keys by the native API, and printing what they hold. */
#ifndef FVM_TESTS_KEYS_H
#define FVM_TESTS_KEYS_H

#include "show.h"

#define MACHINE L"\\Registry\\Machine\\"
#define KEY_BYTES 65536
#define KEY_LINK_VALUE L"SymbolicLinkValue"

NTSYSAPI NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(UNICODE_STRING *path);

/* An absolute path in the user's part. */
static inline const wchar_t *user(const wchar_t *name)
{
    static wchar_t path[256];
    if (!path[0]) {
        UNICODE_STRING own;
        RtlFormatCurrentUserKeyPath(&own);
        wcsncpy(path, own.Buffer, 255);
        wcscat(path, L"\\");
    }
    return joined(path, name);
}

static inline NTSTATUS open_key_units(HANDLE *key, HANDLE root, const wchar_t *name, size_t units, ACCESS_MASK access,
                                      ULONG attributes)
{
    UNICODE_STRING string = {(USHORT)(units * 2), (USHORT)(units * 2), (wchar_t *)name};
    OBJECT_ATTRIBUTES at = {.Length = sizeof at,
                            .RootDirectory = root,
                            .ObjectName = &string,
                            .Attributes = OBJ_CASE_INSENSITIVE | attributes};
    *key = NULL;
    return nt.NtOpenKey(key, access, &at);
}

static inline NTSTATUS open_key(HANDLE *key, HANDLE root, const wchar_t *name, ACCESS_MASK access)
{
    return open_key_units(key, root, name, wcslen(name), access, 0);
}

static inline NTSTATUS create_key_as(HANDLE *key, HANDLE root, const wchar_t *name, size_t units, ACCESS_MASK access,
                                     const wchar_t *class, ULONG options, ULONG *disposition)
{
    UNICODE_STRING string = {(USHORT)(units * 2), (USHORT)(units * 2), (wchar_t *)name}, class_string;
    OBJECT_ATTRIBUTES at = {
        .Length = sizeof at, .RootDirectory = root, .ObjectName = &string, .Attributes = OBJ_CASE_INSENSITIVE};
    if (class)
        class_string = unicode(class);
    *key = NULL;
    return nt.NtCreateKey(key, access, &at, 0, class ? &class_string : NULL, options, disposition);
}

static inline HANDLE create_key(HANDLE root, const wchar_t *name)
{
    HANDLE key;
    ULONG disposition = 0;
    NTSTATUS status = create_key_as(&key, root, name, wcslen(name), KEY_ALL_ACCESS, NULL, 0, &disposition);
    say("create %s: 0x%08lx disposition %lu", utf8(name), status, disposition);
    return key;
}

static inline HANDLE must_open(HANDLE root, const wchar_t *name, ACCESS_MASK access)
{
    HANDLE key;
    NTSTATUS status = open_key(&key, root, name, access);
    say("open %s: 0x%08lx", root ? utf8(name) : "by its path", status);
    return key;
}

static inline void close_key(HANDLE key)
{
    if (key)
        nt.NtClose(key);
}

static inline NTSTATUS set_value(HANDLE key, const wchar_t *name, ULONG type, const void *data, ULONG size)
{
    UNICODE_STRING string = unicode(name);
    return nt.NtSetValueKey(key, &string, 0, type, data, size);
}

static inline void say_set(HANDLE key, const wchar_t *name, const wchar_t *text)
{
    say("set %s: 0x%08lx", utf8(name), set_value(key, name, REG_SZ, text, (ULONG)(wcslen(text) + 1) * 2));
}

static inline void say_delete_value(HANDLE key, const wchar_t *name)
{
    UNICODE_STRING string = unicode(name);
    say("delete value %s: 0x%08lx", utf8(name), nt.NtDeleteValueKey(key, &string));
}

static inline NTSTATUS point_link(HANDLE link, const wchar_t *target)
{
    return set_value(link, KEY_LINK_VALUE, REG_LINK, target, (ULONG)wcslen(target) * 2);
}

/* ---- what the host is to have: nothing is said of it unless it fails ---- */

static inline HANDLE prepared(const wchar_t *path, ULONG options)
{
    HANDLE key;
    NTSTATUS status = create_key_as(&key, NULL, path, wcslen(path), KEY_ALL_ACCESS, NULL, options, NULL);
    if (status < 0)
        say("cannot make %s: 0x%08lx", utf8(path), status);
    return key;
}

static inline void prepare_link(const wchar_t *path, const wchar_t *target)
{
    HANDLE link = prepared(path, REG_OPTION_CREATE_LINK);
    point_link(link, target);
    close_key(link);
}

static inline void prepare_key(const wchar_t *path, const wchar_t *text)
{
    HANDLE key = prepared(path, 0);
    set_value(key, L"value", REG_SZ, text, (ULONG)(wcslen(text) + 1) * 2);
    close_key(key);
}

/* ---- saying ---- */

static inline unsigned long checksum(const BYTE *data, size_t size)
{
    unsigned long sum = 2166136261u;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * 16777619u;
    return sum & 0xffffffffu;
}

static inline void say_query(HANDLE key, const wchar_t *name)
{
    static BYTE data[KEY_BYTES];
    UNICODE_STRING string = unicode(name);
    ULONG length = 0;
    NTSTATUS status = nt.NtQueryValueKey(key, &string, KeyValueFullInformationClass, data, sizeof data, &length);
    FVM_KEY_VALUE_FULL_INFORMATION *value = (void *)data;
    if (status)
        say("query %s: 0x%08lx", utf8(name), status);
    else
        say("query %s: type %lu, %lu bytes, %08lx", utf8(name), value->Type, value->DataLength,
            checksum(data + value->DataOffset, value->DataLength));
}

static inline void say_key_name(HANDLE key)
{
    static BYTE data[KEY_BYTES];
    ULONG length = 0;
    FVM_KEY_NAME_INFORMATION *name = (void *)data;
    NTSTATUS status = nt.NtQueryKey(key, KeyNameInformationClass, data, sizeof data, &length);
    say("    name 0x%08lx %lu %s", status, length,
        status < 0 ? "" : utf8_units(name->Name, name->NameLength / sizeof(wchar_t)));
    FVM_OBJECT_NAME_INFORMATION *object = (void *)data;
    status = nt.NtQueryObject(key, (OBJECT_INFORMATION_CLASS)ObjectNameInformationClass, data, sizeof data, &length);
    say("    object 0x%08lx %lu %s", status, length,
        status < 0 ? "" : utf8_units(object->Name.Buffer, object->Name.Length / sizeof(wchar_t)));
}

static inline void say_counts(HANDLE key)
{
    static BYTE data[KEY_BYTES];
    ULONG length = 0;
    FVM_KEY_FULL_INFORMATION *full = (void *)data;
    NTSTATUS status = nt.NtQueryKey(key, KeyFullInformationClass, data, sizeof data, &length);
    if (status < 0) {
        say("    full 0x%08lx", status);
        return;
    }
    say("    full 0x%08lx %lu: class %s, %lu subkeys (%lu, %lu), %lu values (%lu, %lu)", status, length,
        utf8_units((wchar_t *)(data + (full->ClassLength ? full->ClassOffset : 0)), full->ClassLength / 2),
        full->SubKeys, full->MaxNameLen, full->MaxClassLen, full->Values, full->MaxValueNameLen, full->MaxValueDataLen);
    FVM_KEY_CACHED_INFORMATION *cached = (void *)data;
    status = nt.NtQueryKey(key, KeyCachedInformationClass, data, sizeof data, &length);
    say("    cached 0x%08lx: %lu subkeys (%lu), %lu values (%lu, %lu)", status, cached->SubKeys, cached->MaxNameLen,
        cached->Values, cached->MaxValueNameLen, cached->MaxValueDataLen);
}

/* Everything that a key says about itself. */
static inline void say_key(HANDLE key)
{
    static BYTE data[KEY_BYTES];
    ULONG length;
    NTSTATUS status;
    say_key_name(key);
    say_counts(key);
    for (ULONG i = 0;; i++) {
        FVM_KEY_NODE_INFORMATION *node = (void *)data;
        status = nt.NtEnumerateKey(key, i, KeyNodeInformationClass, data, sizeof data, &length);
        if (status < 0)
            break;
        say("    subkey %lu %s class %s", i, utf8_units(node->Name, node->NameLength / 2),
            utf8_units((wchar_t *)(data + (node->ClassLength ? node->ClassOffset : 0)), node->ClassLength / 2));
    }
    say("    subkeys end 0x%08lx", status);
    for (ULONG i = 0;; i++) {
        FVM_KEY_VALUE_FULL_INFORMATION *value = (void *)data;
        status = nt.NtEnumerateValueKey(key, i, KeyValueFullInformationClass, data, sizeof data, &length);
        if (status < 0)
            break;
        say("    value %lu %s type %lu %lu bytes %08lx", i, utf8_units(value->Name, value->NameLength / 2), value->Type,
            value->DataLength, checksum(data + value->DataOffset, value->DataLength));
    }
    say("    values end 0x%08lx", status);
}

static inline void say_path(const wchar_t *path)
{
    HANDLE key;
    NTSTATUS status = open_key(&key, NULL, path, KEY_READ);
    say("key 0x%08lx", status);
    if (status >= 0) {
        say_key(key);
        close_key(key);
    }
}

static inline void say_delete(HANDLE root, const wchar_t *name)
{
    HANDLE key;
    NTSTATUS status = open_key(&key, root, name, DELETE);
    if (status >= 0) {
        status = nt.NtDeleteKey(key);
        close_key(key);
    }
    say("delete %s: 0x%08lx", utf8(name), status);
}

static inline void say_rename(HANDLE key, const wchar_t *name)
{
    UNICODE_STRING string = unicode(name);
    say("rename to %s: 0x%08lx", utf8(name), nt.NtRenameKey(key, &string));
}

#endif
