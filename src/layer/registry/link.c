/* Symbolic links made in the VM. Their stored key is an ordinary one with the value SymbolicLinkValue, and the node says where
 * they lead, so that the layer follows them and the system cannot. */
#include "layer/registry/registry.h"

NTSTATUS key_link_set(struct str vm_path, struct str target)
{
    struct key_memory *memory = scratch_take();
    struct strbuf lower;
    struct str root = STR(KEY_ROOT);
    buf_init(&lower, memory->name, KEY_UNITS);
    buf_add_char(&lower, KEY_LINK_MARK);
    if (str_prefix_fold(layer.up, target, root) && key_path_valid(str_from(target, root.len))) {
        buf_add_char(&lower, '\\');
        buf_add(&lower, str_from(target, root.len));
    }
    layer_lock();
    NTSTATUS status = lower.overflow ? STATUS_NAME_TOO_LONG : key_record(vm_path, MAP_META, buf_str(&lower), NULL);
    layer_unlock();
    scratch_give(memory);
    return status;
}
