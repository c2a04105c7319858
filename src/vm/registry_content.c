/* Reading the values and subkeys of one key. */
#include "vm/registry_content.h"

#include "vm/registry.h"
#include "vm/security.h"

#include <stdlib.h>
#include <string.h>

#define READ_BYTES 65536u
#define VALUE_LIMIT (64u << 20) /* bytes of one value */

void content_free(struct content *content)
{
    for (size_t i = 0; i < content->value_count; i++)
        free(content->values[i].name);
    for (size_t i = 0; i < content->subkey_count; i++)
        free(content->subkeys[i].name);
    free(content->values);
    free(content->subkeys);
    free(content->rights);
    memset(content, 0, sizeof *content);
}

static bool room(void **list, size_t count, size_t size)
{
    if (count & (count - 1))
        return true; /* grows when count is a power of two, or 0 */
    void *larger = realloc(*list, (count ? 2 * count : 1) * size);
    if (larger)
        *list = larger;
    return larger != NULL;
}

static NTSTATUS add_value(struct content *content, const FVM_KEY_VALUE_FULL_INFORMATION *from)
{
    size_t name_bytes = from->NameLength;
    if (!room((void **)&content->values, content->value_count, sizeof *content->values))
        return STATUS_NO_MEMORY;
    uint8_t *memory = malloc(name_bytes + from->DataLength + 1);
    if (!memory)
        return STATUS_NO_MEMORY;
    struct value *value = &content->values[content->value_count++];
    *value =
        (struct value){(char16 *)(void *)memory, name_bytes / 2, from->Type, from->DataLength, memory + name_bytes};
    memcpy(value->name, from->Name, name_bytes);
    memcpy(value->data, (const uint8_t *)from + from->DataOffset, from->DataLength);
    return STATUS_SUCCESS;
}

/* A value that is too large to be read: in `buffer` is room for its name. */
static NTSTATUS add_large(HANDLE key, ULONG index, struct content *content, FVM_KEY_VALUE_BASIC_INFORMATION *buffer)
{
    ULONG needed;
    NTSTATUS status = nt.NtEnumerateValueKey(key, index, KeyValueBasicInformationClass, buffer, READ_BYTES, &needed);
    if (!NT_SUCCESS(status))
        return status;
    if (!room((void **)&content->values, content->value_count, sizeof *content->values))
        return STATUS_NO_MEMORY;
    char16 *name = malloc(buffer->NameLength + 1);
    if (!name)
        return STATUS_NO_MEMORY;
    memcpy(name, buffer->Name, buffer->NameLength);
    content->values[content->value_count++] = (struct value){name, buffer->NameLength / 2, buffer->Type, 0, NULL};
    return STATUS_SUCCESS;
}

static NTSTATUS read_values(HANDLE key, struct content *content)
{
    ULONG size = READ_BYTES, needed;
    void *buffer = malloc(size);
    NTSTATUS status = buffer ? STATUS_SUCCESS : STATUS_NO_MEMORY;
    for (ULONG i = 0; NT_SUCCESS(status);) {
        status = nt.NtEnumerateValueKey(key, i, KeyValueFullInformationClass, buffer, size, &needed);
        if (status == STATUS_BUFFER_OVERFLOW || status == STATUS_BUFFER_TOO_SMALL) {
            void *larger = needed > size && needed <= VALUE_LIMIT ? realloc(buffer, needed) : NULL;
            status = needed > VALUE_LIMIT ? add_large(key, i++, content, buffer)
                     : larger             ? STATUS_SUCCESS
                                          : STATUS_NO_MEMORY;
            if (larger) {
                buffer = larger;
                size = needed;
            }
        } else if (NT_SUCCESS(status)) {
            status = add_value(content, buffer);
            i++;
        }
    }
    free(buffer);
    return status == STATUS_NO_MORE_ENTRIES ? STATUS_SUCCESS : status;
}

static NTSTATUS read_subkeys(HANDLE key, struct content *content)
{
    FVM_KEY_BASIC_INFORMATION *basic = malloc(READ_BYTES);
    NTSTATUS status = basic ? STATUS_SUCCESS : STATUS_NO_MEMORY;
    ULONG needed;
    for (ULONG i = 0; NT_SUCCESS(status); i++) {
        status = nt.NtEnumerateKey(key, i, KeyBasicInformationClass, basic, READ_BYTES, &needed);
        if (!NT_SUCCESS(status))
            break;
        struct subkey subkey = {malloc(basic->NameLength + 1), basic->NameLength / 2};
        if (!subkey.name || !room((void **)&content->subkeys, content->subkey_count, sizeof *content->subkeys)) {
            free(subkey.name);
            status = STATUS_NO_MEMORY;
            break;
        }
        memcpy(subkey.name, basic->Name, basic->NameLength);
        content->subkeys[content->subkey_count++] = subkey;
    }
    free(basic);
    return status == STATUS_NO_MORE_ENTRIES ? STATUS_SUCCESS : status;
}

NTSTATUS content_add(struct content *content, struct str name, bool own, unsigned what)
{
    HANDLE key;
    NTSTATUS status = own ? registry_open_own(name, KEY_READ, &key) : registry_open(name, KEY_READ, &key);
    if (!NT_SUCCESS(status))
        return status;
    if (what & CONTENT_VALUES)
        status = read_values(key, content);
    if (NT_SUCCESS(status) && what & CONTENT_SUBKEYS)
        status = read_subkeys(key, content);
    if (NT_SUCCESS(status) && what & CONTENT_VALUES)
        content->rights = security_rights(key);
    nt.NtClose(key);
    return status;
}
