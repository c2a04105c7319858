/* The registry name space of a VM.
 *
 * Names. The VM path of a key is its name as the VM sees it, without \REGISTRY\ ("Machine\Software\X"). Its content lives in
 * the VM's stored key (keys_root + VM path), at its lower (the host's own key), or in both. In the map of the keys
 *   OWN    the stored key decides: what is there exists, with all below it; what is not there is deleted;
 *   DIR    the stored key has all values, class and security of the key; its subkeys are its own and the lower's, merged;
 *   META   a symbolic link made or changed in the VM: `lower` is "@\" and the VM path that it leads to, "@" when it leads nowhere. Its
 *          stored key is an ordinary one, so that the system never follows it;
 *   PLAIN, LINK   host keys on the way to others, and links (see resolve.c); the stored key of a PLAIN one only holds what is below it.
 * What a service gets (a name in any spelling, or a handle) is decoded to a VM path (name.c), which is resolved to where it
 * lives (resolve.c). Opening never copies. What is known of a handle is kept in its state (state.c): a handle to the host's
 * key answers from the stored key (its companion) as soon as there is one. The first change of a key copies it (copy_up.c). */
#ifndef FVM_LAYER_REGISTRY_REGISTRY_H
#define FVM_LAYER_REGISTRY_REGISTRY_H

#include "layer/layer.h"

#define KEY_UNITS 16384u /* UTF-16 units of one path buffer: half of what the system allows */
#define KEY_ROOT u"\\REGISTRY\\"
#define KEY_LINK_MARK '@' /* no host path begins with it and a backslash */
#define KEY_LINKS_MAX 64

struct key_name {
    struct strbuf path; /* VM path; empty: \REGISTRY itself */
    bool open_link;     /* the last component is wanted itself if it is a link */
    bool checked;       /* the host's key of that path is known to be no link, nor behind one */
};

/* Memory of one resolved name, a scratch block. */
struct key_memory {
    char16 name[KEY_UNITS];
    char16 real[KEY_UNITS];
    char16 work[KEY_UNITS];
    char16 more[KEY_UNITS];
};
_Static_assert(sizeof(struct key_memory) <= SCRATCH_SIZE, "one scratch block");
_Static_assert(sizeof(struct key_memory) >= UNICODE_STRING_MAX_BYTES, "room for any name");

/* ---- name.c ---- */

/* The name is in memory->work. STATUS_REPARSE: it is longer than what we work with; the system has to say. */
NTSTATUS key_read_attributes(const OBJECT_ATTRIBUTES *program, struct key_memory *memory, struct said *copy);
/* The VM path that the attributes name. STATUS_REPARSE: not one that we know; the system has to say. */
NTSTATUS key_decode(const struct said *from, ACCESS_MASK access, ULONG options, struct key_memory *memory,
                    struct key_name *name);
/* Whether FVM's own key could be what is meant: any component has its name. */
bool key_mentions_home(struct str name);
/* Whether the name begins with \REGISTRY. */
bool key_is_absolute(struct str name);
/* \REGISTRY\... as the system names the key that the handle has open, without that prefix; through `memory` (KEY_UNITS). */
NTSTATUS key_system_name(HANDLE key, char16 *memory, struct str *name);
/* The VM path of a system name; *stored: it is in the VM's own storage. False when it is FVM's and not this VM's. */
bool key_vm_path(struct str system_name, struct strbuf *vm_path, bool *stored);
/* NT paths. */
void key_host_path(struct str host, struct strbuf *nt_path);
void key_stored_path(struct str vm_path, struct strbuf *nt_path);

/* ---- view.c ---- */

/* Puts the path in the 64-bit view in place of one that is seen in the 32-bit view. root: length of the part that comes from the
 * handle that the name is relative to. */
void key_apply_view(ACCESS_MASK access, size_t root, struct key_memory *memory, struct key_name *name);

/* Whether it is a key that the 32-bit view may see in place of the one above. */
bool key_is_node(struct str path);

/* ---- resolve.c ---- */

void key_lookup(struct str path, struct map_place *place);
/* Puts the canonical VM path in place of name->path, and says where it lives. */
NTSTATUS key_resolve(struct key_name *name, struct key_memory *memory, struct map_place *place);
/* What is learned when a host key (the name's lower) was opened: whether its name is canonical. False when it is not:
 * name->path is now the canonical one, to be resolved again. */
bool key_learn(HANDLE key, struct key_name *name, struct key_memory *memory, const struct map_place *place);
/* Whether values and class come from the stored key, if there is one. */
static inline bool key_is_stored(const struct map_place *place)
{
    return place->in_storage;
}
/* Whether the host's key behind a canonical name, which it has, is a link. */
bool key_is_host_link(struct str path);
/* For a name that nothing was found at: if the host has a link there, that leads nowhere yet, name->path is what it leads to. */
bool key_follow_dangling(struct key_name *name, struct key_memory *memory);
NTSTATUS key_open_path(struct str nt_path, ACCESS_MASK access, HANDLE *key);
/* Stored keys for the layer's own work: what rights a program gave them does not matter. */
NTSTATUS key_open_own(struct str nt_path, ACCESS_MASK access, HANDLE *key);
NTSTATUS key_open_stored(struct str vm_path, ACCESS_MASK access, HANDLE *key);
/* A handle to the top of the VM's storage, kept open; NULL: nothing is stored yet. */
HANDLE key_root(void);
/* The host's key behind a canonical name; a link itself, not what it leads to. */
NTSTATUS key_open_lower(struct str vm_path, const struct map_place *place, ACCESS_MASK access, HANDLE *key);
/* Whether the canonical VM path exists in the VM; if it is the host's, it must grant `access` (0: nothing). */
NTSTATUS key_exists(struct str vm_path, ACCESS_MASK access);

/* ---- state.c: what is known of a handle ---- */

struct key_listing;

struct key_state {
    uint32_t sequence; /* of the map when the rest was found out; odd: never */
    uint32_t renames;
    bool stored;  /* the handle has a stored key open */
    bool link;    /* it was opened as a link */
    bool deleted; /* through this handle */
    bool use_own; /* values come from the companion */
    bool merged;  /* subkeys come from two keys */
    ACCESS_MASK access;
    HANDLE own;   /* companion: the stored key, opened with the same access; NULL: not changed yet */
    HANDLE watch; /* the stored key as it is watched */
    struct key_listing *listing;
    uint32_t len, cap; /* of path */
    char16 path[];
};

/* Use of a key handle by a service. */
struct key_use {
    HANDLE handle;
    struct key_state *state; /* NULL: no key, or a deleted one; ask the system by `handle` */
    HANDLE gone;             /* the key was deleted: a handle of our own, as `handle` is then too */
    uintptr_t token;
};

/* Nothing is known to differ from the host (but FVM's own key is hidden). */
static inline bool keys_untouched(void)
{
    return map_untouched(layer_map(&layer.keys));
}

/* Takes the state of a handle. Fails for FVM's own keys; nothing is taken then. */
NTSTATUS key_begin(struct key_use *use, HANDLE handle);
/* The same, and sees as well when a stored key was deleted by another handle: for services that do more than ask the system. */
NTSTATUS key_begin_sure(struct key_use *use, HANDLE handle);
/* The same as key_begin for who may hold the VM's lock: false when that fails, and while another thread has it taken. */
bool key_begin_free(struct key_use *use, HANDLE handle);
void key_end(struct key_use *use);
/* The handle to ask about values, class and security. */
NTSTATUS key_values(struct key_use *use, HANDLE *real);
/* The handle to change them by, which needs `access`: copies the key when it is the host's. It is never the program's own: another
 * thread can make that number a host key's at any moment. Fails when there is no state. */
NTSTATUS key_change(struct key_use *use, ACCESS_MASK access, HANDLE *real);
/* A handle of our own, with the same access, to what must be a stored key, or a deleted one. */
NTSTATUS key_keep(HANDLE handle, HANDLE *own);
/* Closes such a handle that a state has. For handles.c. */
void key_let_go(uintptr_t state);
/* A handle that was just opened for the program. own (may be NULL; becomes the state's): another one of the same stored key. */
void key_opened(HANDLE handle, struct str vm_path, bool stored, bool link, HANDLE own);
static inline struct str key_path(const struct key_use *use)
{
    return (struct str){use->state->path, use->state->len};
}
/* The VM path of the key, spelled as the key itself is; through `memory` (KEY_UNITS). real: from key_values. */
NTSTATUS key_shown_path(const struct key_use *use, HANDLE real, char16 *memory, struct strbuf *vm_path);
/* Whether the program's handle grants that; use->state is not NULL. */
bool key_may(struct key_use *use, ACCESS_MASK access);
bool key_set_path(struct key_use *use, struct str vm_path);
void key_state_release(uintptr_t state); /* for handles.c */
/* Whether the key that the handle has open was deleted; there may be a new one of that name. */
bool key_is_gone(HANDLE handle);
/* Whether the object is a key: asked for services that take any object, since what is known of the handle may be old. */
bool key_is_key(HANDLE handle);

/* ---- copy_up.c ---- */

/* Makes sure that the canonical VM path, which exists, has a stored key with its values. link: it is a link itself. */
NTSTATUS key_copy_up(struct str vm_path, bool link);
/* [locked] Makes the stored keys of the path, without content, spelled as on the host. *own (may be NULL): the last one. */
NTSTATUS key_mirror(struct str vm_path, ACCESS_MASK access, HANDLE *own);
/* [locked] Deletes a stored key with all that is below it. */
void key_delete_stored(struct str vm_path);
/* [locked] Of a name that the VM sees no key at: whether the VM has keys below it, which it made before the host's key went away. Then the
 * stored key is free of values. */
bool key_keep_way(struct str vm_path);
/* All values of one key into another, which has none. */
NTSTATUS key_copy_values(HANDLE lower, HANDLE own);
/* The class of a key, in the memory of `full`; false when it has none. full->LastWriteTime is valid then too, or 0. */
bool key_class(HANDLE key, FVM_KEY_FULL_INFORMATION *full, ULONG size, UNICODE_STRING *class);
static inline NTSTATUS key_record(struct str path, enum map_kind kind, struct str lower,
                                  const struct map_origin *origin)
{
    return layer_record(&layer.keys, path, kind, lower, origin);
}
/* Journal's question at a rebuild, see layer_delta. */
bool key_renamed(void *unused, struct str from, struct str to);

/* ---- create.c ---- */

struct key_call {
    HANDLE *handle; /* the program's */
    ACCESS_MASK access;
    ULONG title_index, options;
    const UNICODE_STRING *class; /* the program's */
    ULONG *disposition;          /* the program's */
    bool create;
};
NTSTATUS key_open_call(const struct key_call *call, const OBJECT_ATTRIBUTES *attributes);

/* ---- merge.c: subkeys of a key that two keys have ---- */

struct key_merge {
    struct map_place place;
    struct str path;
};
void key_merge_begin(struct key_merge *merge, struct str vm_path);
/* Whether the VM sees the subkey that one of the two has. */
bool key_merge_takes(const struct key_merge *merge, bool stored, struct str name);
/* One of the two keys, to be read; NULL: it has none, or may not be read. */
HANDLE key_merge_open(const struct key_merge *merge, bool stored);

struct key_child {
    bool stored; /* which of the two has it */
    ULONG index; /* there */
    const FVM_KEY_NODE_INFORMATION *information;
    struct str name;
};
/* Visits the subkeys that the VM sees, those of the lower first; each of the two in the system's order. */
NTSTATUS key_visit_children(struct str vm_path, bool (*visit)(void *context, const struct key_child *child),
                            void *context);

/* ---- link.c: symbolic links that are the VM's ---- */

/* The VM path that a link leads to, in `memory` (KEY_UNITS); false when it leads nowhere in the registry. */
bool key_link_target(HANDLE link, char16 *memory, struct str *target);
/* [locked] */
NTSTATUS key_link_record(struct str vm_path, struct str target, const struct map_origin *origin);
NTSTATUS key_link_set(struct str vm_path, struct str target_nt_name);

/* ---- save.c ---- */

/* [locked] Makes a stored key (a name at the top of the VM's storage that no key has) with all that the VM sees at and below vm_path. */
NTSTATUS key_flatten(struct str vm_path, struct str stored_name);
/* [locked] delete.c: after a stored key was deleted, the node says so, or goes. */
NTSTATUS key_record_deleted(struct str vm_path, const struct map_place *place);

/* ---- hive_file.c ---- */

/* The NT path of the one private copy, in `path`, which has room for any. */
struct str key_hive_path(struct strbuf *path);
/* [locked] Makes it, empty. */
NTSTATUS key_hive_create(HANDLE *copy, struct path_attributes *at);
/* Writes what the system saved there to the program's file, where that is written next. `name`: what is said to be its key, as in
 * "REGISTRY\Machine\Software". */
NTSTATUS key_hive_hand_out(HANDLE copy, struct str name, HANDLE file);

/* ---- security.c ---- */

/* Gives a new stored key the program's descriptor. */
NTSTATUS key_give_descriptor(struct str vm_path, void *descriptor);

/* ---- other name spaces ---- */

/* NtSetSecurityObject for a handle that may be a key: false when it is none. */
bool key_set_security(HANDLE handle, SECURITY_INFORMATION requested, void *descriptor, NTSTATUS *status);
/* The VM's form of a system name that begins with \REGISTRY\: false when it needs no change. */
bool key_show_name(struct str system_name, struct strbuf *out);
/* Whether the handle is one of a key, by its system name, that the VM deleted and the host has. */
bool key_deleted_here(HANDLE handle, struct str system_name);

#endif
