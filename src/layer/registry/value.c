/* Values: reading them where they are, changing them in the VM's copy. */
#include "layer/registry/registry.h"

/* ---- reading ---- */

/* *real: where the answer is. What was begun is ended with the answer's status. */
static NTSTATUS begin_reading(struct key_use *use, HANDLE key, HANDLE *real)
{
    layer_attach();
    *use = (struct key_use){.handle = key};
    *real = key;
    if (keys_untouched())
        return STATUS_SUCCESS;
    NTSTATUS status = key_begin(use, key);
    if (status < 0)
        return status;
    status = key_values(use, real);
    if (status < 0)
        key_end(use);
    return status;
}

static NTSTATUS end_reading(struct key_use *use, NTSTATUS status)
{
    key_end(use);
    return status;
}

NTSTATUS NTAPI fvm_NtQueryValueKey(HANDLE key, const UNICODE_STRING *name, ULONG class, void *information, ULONG length,
                                   ULONG *result_length)
{
    struct key_use use;
    HANDLE real;
    NTSTATUS status = begin_reading(&use, key, &real);
    return status < 0 ? status
                      : end_reading(&use, nt.NtQueryValueKey(real, name, class, information, length, result_length));
}

NTSTATUS NTAPI fvm_NtEnumerateValueKey(HANDLE key, ULONG index, ULONG class, void *information, ULONG length,
                                       ULONG *result_length)
{
    struct key_use use;
    HANDLE real;
    NTSTATUS status = begin_reading(&use, key, &real);
    return status < 0
               ? status
               : end_reading(&use, nt.NtEnumerateValueKey(real, index, class, information, length, result_length));
}

NTSTATUS NTAPI fvm_NtQueryMultipleValueKey(HANDLE key, void *values, ULONG count, void *buffer, ULONG length,
                                           ULONG *result_length)
{
    struct key_use use;
    HANDLE real;
    NTSTATUS status = begin_reading(&use, key, &real);
    return status < 0
               ? status
               : end_reading(&use, nt.NtQueryMultipleValueKey(real, values, count, buffer, length, result_length));
}

NTSTATUS NTAPI fvm_NtFlushKey(HANDLE key)
{
    struct key_use use;
    HANDLE real;
    NTSTATUS status = begin_reading(&use, key, &real);
    return status < 0 ? status : end_reading(&use, nt.NtFlushKey(real));
}

/* ---- changing ---- */

static bool is_link(const struct key_use *use)
{
    struct map_place place;
    if (!use->state || !use->state->link)
        return false;
    key_lookup(key_path(use), &place);
    return place.kind == MAP_META;
}

static bool is_link_value(const UNICODE_STRING *name)
{
    char16 copy[32];
    UNICODE_STRING string;
    struct str wanted = STR(u"SymbolicLinkValue");
    return guard_read(&string, name, sizeof(string)) && string.Length == wanted.len * sizeof(char16) &&
           guard_read(copy, string.Buffer, string.Length) &&
           str_equal_fold(layer.up, (struct str){copy, wanted.len}, wanted);
}

/* A link has no other value, and its value is no text for the system to follow. It leads elsewhere only when the system has taken the
 * value: that looks at the handle's access, and at whether the key is still there. */
static NTSTATUS set_link(struct key_use *use, HANDLE real, const UNICODE_STRING *name, ULONG type, const void *data,
                         ULONG size)
{
    if (type != REG_LINK || !is_link_value(name))
        return STATUS_ACCESS_DENIED;
    char16 *target = scratch_take();
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    if (size <= SCRATCH_SIZE && guard_read(target, data, size))
        status = nt.NtSetValueKey(real, name, 0, type, target, size);
    if (status >= 0)
        status = key_link_set(key_path(use), (struct str){target, size / sizeof(char16)});
    scratch_give(target);
    return status;
}

/* Whether a change would be the key's first. */
static bool would_copy(const struct key_use *use)
{
    return use->state && !use->state->stored && !use->state->use_own;
}

/* Whether the host's key has this very value. The system changes nothing then, not even the key's time, so it must not cost a
 * copy: Wine's own DLLs set folders and the time zone to what they are in nearly every program. */
static bool has_value(HANDLE key, const UNICODE_STRING *name, ULONG type, const void *data, ULONG size)
{
    enum { ROOM = SCRATCH_SIZE / 2 };
    ULONG length;
    if (!size || size > ROOM - offsetof(FVM_KEY_VALUE_PARTIAL_INFORMATION, Data))
        return false;
    FVM_KEY_VALUE_PARTIAL_INFORMATION *value = scratch_take();
    uint8_t *copy = (uint8_t *)value + ROOM;
    bool same = nt.NtQueryValueKey(key, name, KeyValuePartialInformationClass, value, ROOM, &length) >= 0 &&
                value->Type == type && value->DataLength == size && guard_read(copy, data, size) &&
                mem_equal(value->Data, copy, size);
    scratch_give(value);
    return same;
}

/* What cannot be read must not cost a copy either. */
static bool can_read(const void *data, ULONG size)
{
    enum { PAGE = 4096 };
    const uint8_t *bytes = data;
    uint8_t unused;
    for (size_t at = 0; at < size; at += PAGE)
        if (!guard_read(&unused, bytes + at, 1))
            return false;
    return !size || guard_read(&unused, bytes + size - 1, 1);
}

static bool changes_nothing(struct key_use *use, const UNICODE_STRING *name, ULONG type, const void *data, ULONG size)
{
    struct key_state *state = use->state;
    struct map_place place;
    HANDLE key;
    if (!would_copy(use) || state->link)
        return false;
    if (!key_may(use, KEY_SET_VALUE))
        return false;
    if (key_may(use, KEY_QUERY_VALUE))
        return has_value(use->handle, name, type, data, size);
    key_lookup(key_path(use), &place);
    if (key_open_lower(key_path(use), &place, KEY_QUERY_VALUE, &key) < 0)
        return false;
    bool same = has_value(key, name, type, data, size);
    nt.NtClose(key);
    return same;
}

NTSTATUS NTAPI fvm_NtSetValueKey(HANDLE key, const UNICODE_STRING *name, ULONG title_index, ULONG type,
                                 const void *data, ULONG size)
{
    struct key_use use;
    HANDLE real;
    UNICODE_STRING string;
    layer_attach();
    if (!guard_read(&string, name, sizeof(string)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    if (changes_nothing(&use, name, type, data, size)) {
        key_end(&use);
        return STATUS_SUCCESS;
    }
    if (would_copy(&use) && !can_read(data, size)) {
        key_end(&use);
        return STATUS_ACCESS_VIOLATION;
    }
    status = key_change(&use, KEY_SET_VALUE, &real);
    if (status >= 0)
        status = is_link(&use) ? set_link(&use, real, name, type, data, size)
                               : nt.NtSetValueKey(real, name, title_index, type, data, size);
    key_end(&use);
    return status;
}

/* A value that is not there must not cost a copy. */
static NTSTATUS find_value(struct key_use *use, const UNICODE_STRING *name)
{
    FVM_KEY_VALUE_BASIC_INFORMATION information;
    HANDLE real;
    ULONG length;
    NTSTATUS status = key_values(use, &real);
    if (status >= 0)
        status =
            nt.NtQueryValueKey(real, name, KeyValueBasicInformationClass, &information, sizeof(information), &length);
    return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_KEY_DELETED ? status : STATUS_SUCCESS;
}

NTSTATUS NTAPI fvm_NtDeleteValueKey(HANDLE key, const UNICODE_STRING *name)
{
    struct key_use use;
    HANDLE real;
    UNICODE_STRING string;
    layer_attach();
    if (!guard_read(&string, name, sizeof(string)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    if (would_copy(&use) && key_may(&use, KEY_SET_VALUE))
        status = find_value(&use, name);
    if (status >= 0)
        status = key_change(&use, KEY_SET_VALUE, &real);
    if (status >= 0)
        status = nt.NtDeleteValueKey(real, name);
    if (status >= 0 && is_link(&use) && is_link_value(name))
        status = key_link_set(key_path(&use), (struct str){0});
    key_end(&use);
    return status;
}

NTSTATUS NTAPI fvm_NtSetInformationKey(HANDLE key, ULONG class, void *information, ULONG length)
{
    struct key_use use;
    HANDLE real;
    layer_attach();
    NTSTATUS status = key_begin(&use, key);
    if (status < 0)
        return status;
    status = key_change(&use, KEY_SET_VALUE, &real);
    if (status < 0 && !use.state)
        real = NULL; /* Wine's service does nothing, and succeeds without a key too */
    if (status >= 0 || !use.state)
        status = nt.NtSetInformationKey(real, class, information, length);
    key_end(&use);
    return status;
}
