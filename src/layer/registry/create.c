/* Opening and creating keys.
 *
 * Read it from key_open_call at the end: decode, resolve, and then the system's own service on the key where it lives. Only the
 * creation of a key that neither the VM nor the host has takes the writer lock. */
#include "layer/handles.h"
#include "layer/registry/registry.h"

/* The program's attributes on another path. */
static OBJECT_ATTRIBUTES real_attributes(const struct said *from, UNICODE_STRING *path, struct str nt_path)
{
    OBJECT_ATTRIBUTES attributes = from->attributes;
    USHORT bytes = (USHORT)(nt_path.len * sizeof(char16));
    *path = (UNICODE_STRING){bytes, bytes, (WCHAR *)nt_path.s};
    attributes.RootDirectory = NULL;
    attributes.ObjectName = path;
    attributes.Attributes |= OBJ_CASE_INSENSITIVE;
    return attributes;
}

static ACCESS_MASK real_access(const struct key_call *call)
{
    return (call->access & ~(ACCESS_MASK)KEY_WOW64_32KEY) | KEY_WOW64_64KEY;
}

static NTSTATUS system_open(const struct key_call *call, OBJECT_ATTRIBUTES *attributes)
{
    enum { OPEN_OPTIONS = REG_OPTION_OPEN_LINK | REG_OPTION_BACKUP_RESTORE };
    if (nt.NtOpenKeyEx)
        return nt.NtOpenKeyEx(call->handle, real_access(call), attributes, call->options & OPEN_OPTIONS);
    return nt.NtOpenKey(call->handle, real_access(call), attributes);
}

/* What creation says of a key that is there. */
static NTSTATUS collision(const struct key_call *call)
{
    return call->create && call->options & REG_OPTION_CREATE_LINK ? STATUS_OBJECT_NAME_COLLISION : STATUS_SUCCESS;
}

static NTSTATUS opened(const struct key_call *call, const struct key_name *name, bool stored, bool link)
{
    HANDLE handle;
    ULONG disposition = REG_OPENED_EXISTING_KEY;
    if (guard_read(&handle, call->handle, sizeof(handle)))
        key_opened(handle, buf_str(&name->path), stored, link, NULL);
    if (call->create && collision(call) >= 0 && call->disposition &&
        !guard_write(call->disposition, &disposition, sizeof(disposition)))
        return STATUS_ACCESS_VIOLATION;
    return STATUS_SUCCESS;
}

/* How a stored key is named to the system: relative to the program's handle if that is a stored key above it, which may have
 * been deleted; else, and while another thread is at work with the handle, by its path. */
struct stored_name {
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING string;
    struct key_use root; /* to be ended when the system has made the key */
};

static bool below_root(const struct said *from, const struct key_name *name, struct key_use *use)
{
    HANDLE root = from->attributes.RootDirectory;
    *use = (struct key_use){0};
    if (!root || !key_begin_free(use, root))
        return false;
    if (use->state && use->state->stored && path_under_fold(layer.up, buf_str(&name->path), key_path(use)))
        return true;
    key_end(use);
    return false;
}

static NTSTATUS name_stored(const struct said *from, const struct key_name *name, struct key_memory *memory,
                            bool create, struct stored_name *stored)
{
    struct strbuf path;
    struct str whole = buf_str(&name->path);
    HANDLE root = from->attributes.RootDirectory;
    if (below_root(from, name, &stored->root)) {
        size_t above = key_path(&stored->root).len;
        NTSTATUS status = create ? key_change(&stored->root, KEY_CREATE_SUB_KEY, &root) : STATUS_SUCCESS;
        if (status < 0 || !create)
            key_end(&stored->root);
        stored->attributes = real_attributes(from, &stored->string, str_from(whole, above + 1));
        stored->attributes.RootDirectory = root;
        return status;
    }
    if (create) { /* Wine tells nobody of a new key that was named by its path, nor checks what its parent allows */
        root = key_root();
        if (!root)
            return STATUS_OBJECT_NAME_NOT_FOUND;
        stored->attributes = real_attributes(from, &stored->string, whole);
        stored->attributes.RootDirectory = root;
        return STATUS_SUCCESS;
    }
    buf_init(&path, memory->real, KEY_UNITS);
    key_stored_path(whole, &path);
    stored->attributes = real_attributes(from, &stored->string, buf_str(&path));
    return path.overflow ? STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
}

static NTSTATUS open_stored(const struct key_call *call, const struct said *from, const struct key_name *name,
                            struct key_memory *memory, bool link)
{
    struct stored_name stored;
    NTSTATUS status = name_stored(from, name, memory, false, &stored);
    if (status >= 0)
        status = system_open(call, &stored.attributes);
    return status < 0 ? status : opened(call, name, true, link);
}

/* Gives the program a handle of what `own` has open. A key that is new will be changed: that handle is kept for it (key_change), and the
 * program gets another one. */
static NTSTATUS give(const struct key_call *call, const struct said *from, const struct key_name *name, HANDLE own,
                     ULONG disposition)
{
    struct map_place place;
    ULONG inherit = from->attributes.Attributes & OBJ_INHERIT;
    HANDLE handle = own;
    NTSTATUS status = STATUS_SUCCESS;
    if (inherit || disposition == REG_CREATED_NEW_KEY)
        status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, own, NT_CURRENT_PROCESS, &handle, 0, inherit,
                                      DUPLICATE_SAME_ACCESS);
    if (status < 0) {
        nt.NtClose(own);
        return status;
    }
    key_lookup(buf_str(&name->path), &place);
    key_opened(handle, buf_str(&name->path), true, place.kind == MAP_META || call->options & REG_OPTION_CREATE_LINK,
               handle == own ? NULL : own);
    if (!guard_write(call->handle, &handle, sizeof(handle)) ||
        (call->disposition && !guard_write(call->disposition, &disposition, sizeof(disposition))))
        return STATUS_ACCESS_VIOLATION;
    return STATUS_SUCCESS;
}

/* The stored key is made; no node needs to be. way: it is new to the program even if it is there. A new key gets the program's
 * descriptor when it is there, so that the layer can see what that does. */
static NTSTATUS create_stored(const struct key_call *call, const struct said *from, const struct key_name *name,
                              struct key_memory *memory, bool way)
{
    struct stored_name stored;
    HANDLE own = NULL;
    ULONG disposition;
    if (!guard_write(call->handle, &own, sizeof(own)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = name_stored(from, name, memory, true, &stored);
    if (status < 0)
        return status;
    stored.attributes.Attributes &= ~(ULONG)(OBJ_OPENLINK | OBJ_INHERIT);
    stored.attributes.SecurityDescriptor = NULL;
    status = nt.NtCreateKey(&own, real_access(call), &stored.attributes, call->title_index, call->class,
                            call->options & ~(ULONG)(REG_OPTION_CREATE_LINK | REG_OPTION_OPEN_LINK), &disposition);
    key_end(&stored.root);
    if (status < 0)
        return status;
    if (way)
        disposition = REG_CREATED_NEW_KEY;
    if (from->attributes.SecurityDescriptor && disposition == REG_CREATED_NEW_KEY) {
        NTSTATUS given = key_give_descriptor(buf_str(&name->path), from->attributes.SecurityDescriptor);
        if (given < 0) {
            nt.NtClose(own);
            if (!way)
                key_delete_stored(buf_str(&name->path));
            return given;
        }
    }
    NTSTATUS given = give(call, from, name, own, disposition);
    return given < 0 ? given : status;
}

/* [locked] Neither the VM nor the host has it. STATUS_RETRY: the name was not canonical. */
static NTSTATUS create_new(const struct key_call *call, const struct said *from, struct key_name *name,
                           struct key_memory *memory)
{
    struct str path = buf_str(&name->path), parent = path_parent(path);
    bool link = call->options & REG_OPTION_CREATE_LINK;
    if (!parent.len)
        return log_refusal("key at the root", path, STATUS_ACCESS_DENIED);
    NTSTATUS status = key_exists(parent, KEY_CREATE_SUB_KEY);
    if (status >= 0 && key_follow_dangling(name, memory))
        return STATUS_RETRY;
    if (status >= 0)
        status = key_mirror(parent, 0, NULL);
    if (status < 0)
        return status;
    bool way = key_keep_way(path);
    if (way && link)
        return STATUS_OBJECT_NAME_COLLISION;
    if (!way)
        key_delete_stored(path); /* of a copy that was cut off: it does not exist for the VM */
    status = create_stored(call, from, name, memory, way);
    if (status < 0)
        return status;
    static const char16 nowhere[] = {KEY_LINK_MARK};
    NTSTATUS recorded = link ? key_record(path, MAP_META, (struct str){nowhere, 1}, NULL)
                             : key_record(path, way ? MAP_DIR : MAP_OWN, (struct str){0}, NULL);
    HANDLE handle;
    if (recorded < 0 && guard_read(&handle, call->handle, sizeof(handle))) {
        handle_forget(handle);
        nt.NtClose(handle);
    }
    if (recorded < 0) {
        if (!way)
            key_delete_stored(path);
        return recorded;
    }
    return status;
}

/* Opens the host's key. STATUS_RETRY: the name was not canonical. */
static NTSTATUS open_host(const struct key_call *call, const struct said *from, struct key_name *name,
                          struct key_memory *memory, const struct map_place *place)
{
    struct strbuf lower, path;
    UNICODE_STRING string;
    HANDLE handle;
    buf_init(&lower, memory->more, KEY_UNITS);
    map_lower(place, buf_str(&name->path), &lower);
    buf_init(&path, memory->real, KEY_UNITS);
    key_host_path(buf_str(&lower), &path);
    if (path.overflow || lower.overflow)
        return STATUS_OBJECT_NAME_INVALID;
    OBJECT_ATTRIBUTES attributes = real_attributes(from, &string, buf_str(&path));
    attributes.Attributes |= name->open_link ? OBJ_OPENLINK : 0;
    NTSTATUS status = system_open(call, &attributes);
    if (status < 0 || !guard_read(&handle, call->handle, sizeof(handle)))
        return status;
    if (status == STATUS_SUCCESS && !key_learn(handle, name, memory, place)) {
        nt.NtClose(handle);
        return STATUS_RETRY;
    }
    NTSTATUS done = opened(call, name, false, name->open_link && key_is_host_link(buf_str(&name->path)));
    return done < 0 ? done : status;
}

/* Opens what exists. STATUS_OBJECT_NAME_NOT_FOUND: nothing does at this place. */
static NTSTATUS open_existing(const struct key_call *call, const struct said *from, struct key_name *name,
                              struct key_memory *memory, const struct map_place *place)
{
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (key_is_stored(place))
        status = open_stored(call, from, name, memory, name->open_link && place->kind == MAP_META);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND && place->has_lower && place->kind != MAP_META)
        status = open_host(call, from, name, memory, place);
    return status;
}

/* One attempt; the name is as it was decoded. STATUS_RETRY: once more. */
static NTSTATUS open_once(const struct key_call *call, const struct said *from, struct key_name *name,
                          struct key_memory *memory, bool locked)
{
    struct map_place place;
    NTSTATUS status = key_resolve(name, memory, &place);
    if (status < 0)
        return status;
    if (place.hidden)
        return log_refusal("FVM's own keys", buf_str(&name->path),
                           call->create ? STATUS_ACCESS_DENIED : STATUS_OBJECT_NAME_NOT_FOUND);
    bool link = call->create && call->options & REG_OPTION_CREATE_LINK;
    /* below a key that the host does not have, the stored keys alone decide; but the 32-bit view looks for its nodes in the map */
    if (call->create && !place.has_lower && place.kind != MAP_OWN && !link && !key_is_node(buf_str(&name->path)))
        return create_stored(call, from, name, memory, false);
    status = open_existing(call, from, name, memory, &place);
    if (status != STATUS_OBJECT_NAME_NOT_FOUND || !call->create)
        return status;
    return locked ? create_new(call, from, name, memory) : STATUS_LOCK_NOT_GRANTED;
}

/* Whether the handle that the name is relative to is one of a deleted key. */
static bool root_is_gone(const struct said *from)
{
    struct key_use use;
    HANDLE real;
    if (!from->attributes.RootDirectory)
        return false;
    NTSTATUS status = key_begin(&use, from->attributes.RootDirectory);
    if (status < 0)
        return status == STATUS_KEY_DELETED;
    status = key_values(&use, &real);
    bool gone = status < 0 ? status == STATUS_KEY_DELETED : key_is_gone(real);
    key_end(&use);
    return gone;
}

static NTSTATUS open_name(const struct key_call *call, const struct said *from, struct key_name *name,
                          struct key_memory *memory)
{
    NTSTATUS status = STATUS_RETRY;
    bool locked = false;
    for (int links = 0; links < KEY_LINKS_MAX && (status == STATUS_RETRY || status == STATUS_LOCK_NOT_GRANTED);
         links++) {
        if (status == STATUS_LOCK_NOT_GRANTED && !locked) {
            layer_lock();
            locked = true;
        }
        status = open_once(call, from, name, memory, locked);
    }
    if (locked)
        layer_unlock();
    if (status >= 0 && collision(call) < 0 && !locked) {
        HANDLE handle;
        if (guard_read(&handle, call->handle, sizeof(handle)))
            nt.NtClose(handle);
        status = STATUS_OBJECT_NAME_COLLISION;
    }
    if (status == STATUS_OBJECT_NAME_NOT_FOUND && root_is_gone(from))
        status = STATUS_KEY_DELETED;
    return status;
}

/* The system's answer to a name that is not ours, or is no good. */
static NTSTATUS ask_system(const struct key_call *call, const struct said *from)
{
    OBJECT_ATTRIBUTES attributes = from->attributes;
    HANDLE handle;
    NTSTATUS status = system_open(call, &attributes);
    if (status < 0)
        return status;
    if (guard_read(&handle, call->handle, sizeof(handle)))
        nt.NtClose(handle);
    return log_refusal("name of a key", said_name(from), STATUS_ACCESS_DENIED);
}

static bool may_pass(const struct key_call *call, const struct said *from)
{
    return !call->create && keys_untouched() && (from->attributes.RootDirectory || key_is_absolute(said_name(from))) &&
           !key_mentions_home(said_name(from));
}

NTSTATUS key_open_call(const struct key_call *call, const OBJECT_ATTRIBUTES *attributes)
{
    struct key_memory *memory = scratch_take();
    struct said from;
    struct key_name name;
    HANDLE handle = NULL;
    NTSTATUS status = key_read_attributes(attributes, memory, &from);
    if (status == STATUS_SUCCESS && may_pass(call, &from)) {
        status = nt.NtOpenKeyEx ? nt.NtOpenKeyEx(call->handle, call->access, &from.attributes, call->options)
                                : nt.NtOpenKey(call->handle, call->access, &from.attributes);
        if (status >= 0 && guard_read(&handle, call->handle, sizeof(handle)))
            handle_forget(handle);
    } else {
        if (status == STATUS_SUCCESS)
            status = key_decode(&from, call->access, call->options, memory, &name);
        if (status == STATUS_REPARSE)
            status = ask_system(call, &from);
        else if (status >= 0)
            status = open_name(call, &from, &name, memory);
        if (status < 0)
            guard_write(call->handle, &handle, sizeof(handle));
    }
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtOpenKey(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)
{
    struct key_call call = {.handle = key, .access = access};
    layer_attach();
    return key_open_call(&call, attributes);
}

NTSTATUS NTAPI fvm_NtOpenKeyEx(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG options)
{
    struct key_call call = {.handle = key, .access = access, .options = options};
    layer_attach();
    return key_open_call(&call, attributes);
}

NTSTATUS NTAPI fvm_NtCreateKey(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, ULONG title_index,
                               const UNICODE_STRING *class, ULONG options, ULONG *disposition)
{
    struct key_call call = {.handle = key,
                            .access = access,
                            .title_index = title_index,
                            .options = options,
                            .class = class,
                            .disposition = disposition,
                            .create = true};
    layer_attach();
    return key_open_call(&call, attributes);
}

/* ---- transactions: what they would roll back lies in two places here, so there are none ---- */

static NTSTATUS refuse_transaction(void)
{
    layer_attach();
    return log_refusal("transaction on a key", (struct str){0}, STATUS_NOT_IMPLEMENTED);
}

/* Some versions of Wine open keys so, and leave the transaction out. */
static bool is_left_out(HANDLE transaction)
{
    struct path_attributes at = path_attributes(STR(u"\\Registry"));
    HANDLE key;
    if (!nt.__wine_unix_spawnvp || !nt.NtOpenKeyTransacted ||
        nt.NtOpenKeyTransacted(&key, KEY_QUERY_VALUE, path_object(&at), transaction) < 0)
        return false;
    nt.NtClose(key);
    return true;
}

NTSTATUS NTAPI fvm_NtCreateKeyTransacted(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes,
                                         ULONG title_index, const UNICODE_STRING *class, ULONG options,
                                         HANDLE transaction, ULONG *disposition)
{
    (void)key, (void)access, (void)attributes, (void)title_index, (void)class, (void)options, (void)transaction,
        (void)disposition;
    return refuse_transaction();
}

NTSTATUS NTAPI fvm_NtOpenKeyTransacted(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes,
                                       HANDLE transaction)
{
    return is_left_out(transaction) ? fvm_NtOpenKey(key, access, attributes) : refuse_transaction();
}

NTSTATUS NTAPI fvm_NtOpenKeyTransactedEx(HANDLE *key, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes,
                                         ULONG options, HANDLE transaction)
{
    return is_left_out(transaction) ? fvm_NtOpenKeyEx(key, access, attributes, options) : refuse_transaction();
}
