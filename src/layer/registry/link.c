/* Symbolic links made in the VM, and those of the host that it changed. Their stored key is an ordinary one with the value
 * SymbolicLinkValue, and the node says where they lead, so that the layer follows them and the system cannot. */
#include "layer/registry/registry.h"

/* The VM path that the text of a link means. */
static bool decode_target(struct str nt_name, struct str *target)
{
    struct str root = STR(KEY_ROOT);
    if (!str_prefix_fold(layer.up, nt_name, root))
        return false;
    *target = str_from(nt_name, root.len);
    return key_path_valid(*target);
}

bool key_link_target(HANDLE link, char16 *memory, struct str *target)
{
    FVM_KEY_VALUE_PARTIAL_INFORMATION *value = (FVM_KEY_VALUE_PARTIAL_INFORMATION *)memory;
    UNICODE_STRING name = {17 * sizeof(WCHAR), 17 * sizeof(WCHAR), L"SymbolicLinkValue"};
    ULONG length;
    NTSTATUS status =
        nt.NtQueryValueKey(link, &name, KeyValuePartialInformationClass, value, KEY_UNITS * sizeof(char16), &length);
    if (status < 0 || value->Type != REG_LINK)
        return false;
    return decode_target((struct str){(const char16 *)value->Data, value->DataLength / sizeof(char16)}, target);
}

NTSTATUS key_link_record(struct str vm_path, struct str target, const struct map_origin *origin)
{
    char16 *memory = scratch_take();
    struct strbuf lower;
    buf_init(&lower, memory, KEY_UNITS);
    buf_add_char(&lower, KEY_LINK_MARK);
    if (target.len) {
        buf_add_char(&lower, '\\');
        buf_add(&lower, target);
    }
    NTSTATUS status = lower.overflow ? STATUS_NAME_TOO_LONG : key_record(vm_path, MAP_META, buf_str(&lower), origin);
    scratch_give(memory);
    return status;
}

NTSTATUS key_link_set(struct str vm_path, struct str nt_name)
{
    struct str target = {0};
    if (!decode_target(nt_name, &target))
        target = (struct str){0};
    layer_lock();
    NTSTATUS status = key_link_record(vm_path, target, NULL);
    layer_unlock();
    return status;
}
