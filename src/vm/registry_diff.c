/* fvm_diff_keys: what the VM's registry is now, against the host's. The journal says where to look, the stored keys say what
 * is there. All of it was written by programs that are not trusted: sizes and depths are bounded. */
#include "vm/changes.h"
#include "vm/error.h"
#include "vm/file.h"
#include "vm/registry.h"
#include "vm/security.h"

#include <stdlib.h>
#include <string.h>

#define DIFF u"compare the registry of VM"
#define READ_BYTES 65536u
#define VALUE_LIMIT (64u << 20) /* bytes of one value */
#define DEPTH_MAX 512u

struct value {
    char16 *name; /* one allocation with the data behind it */
    size_t units;
    ULONG type, size;
    uint8_t *data; /* NULL: more than VALUE_LIMIT, which is not read */
};

struct subkey {
    char16 *name;
    size_t units;
};

struct content {
    struct value *values;
    size_t value_count;
    struct subkey *subkeys;
    size_t subkey_count;
    ACL *rights; /* NULL: not known */
};

struct entry {
    enum fvm_change_kind kind;
    char16 *key, *value; /* terminated; value NULL: the key */
    ULONG type, size;
    uint8_t *data;
    bool inexpressible;
};

struct diff {
    const struct vm *vm;
    struct delta_map *map;
    struct strbuf path;  /* of what is looked at: Machine\Software\a */
    struct strbuf lower; /* its counterpart on the host */
    struct strbuf full;
    struct entry *list;
    size_t count, cap;
    unsigned depth;
    NTSTATUS status;
};

/* ---- reading one key ---- */

static void content_free(struct content *content)
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

/* STATUS_OBJECT_NAME_NOT_FOUND: there is no such key. */
static NTSTATUS read_key(struct str name, bool own, struct content *content)
{
    HANDLE key;
    memset(content, 0, sizeof *content);
    NTSTATUS status = own ? registry_open_own(name, KEY_READ, &key) : registry_open(name, KEY_READ, &key);
    if (!NT_SUCCESS(status))
        return status;
    status = read_values(key, content);
    if (NT_SUCCESS(status))
        status = read_subkeys(key, content);
    if (NT_SUCCESS(status))
        content->rights = security_rights(key);
    nt.NtClose(key);
    return status;
}

static NTSTATUS read_stored(struct diff *d, struct content *content)
{
    char16 memory[VM_PATH_MAX];
    buf_set(&d->full, registry_root(d->vm, memory));
    path_add(&d->full, buf_str(&d->path));
    memset(content, 0, sizeof *content);
    return d->full.overflow ? STATUS_OBJECT_NAME_NOT_FOUND : read_key(buf_str(&d->full), true, content);
}

static NTSTATUS read_host(struct diff *d, struct content *content)
{
    memset(content, 0, sizeof *content);
    if (d->lower.len == 0 || d->lower.overflow)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return read_key(buf_str(&d->lower), false, content);
}

/* ---- collecting ---- */

/* A 0 in a name is shown as its symbol. */
static char16 *terminated(struct str s, bool *inexpressible)
{
    char16 *copy = malloc((s.len + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < s.len; i++) {
        copy[i] = s.s[i] ? s.s[i] : 0x2400;
        *inexpressible |= !s.s[i];
    }
    if (copy)
        copy[s.len] = 0;
    return copy;
}

static void add(struct diff *d, enum fvm_change_kind kind, const struct value *value)
{
    struct str path = buf_str(&d->path);
    if (!NT_SUCCESS(d->status))
        return;
    if (d->count == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 256;
        struct entry *list = realloc(d->list, cap * sizeof *list);
        if (!list) {
            d->status = STATUS_NO_MEMORY;
            return;
        }
        d->list = list;
        d->cap = cap;
    }
    struct entry entry = {.kind = kind, .inexpressible = kind == FVM_MODIFIED && !value};
    entry.key = terminated(path, &entry.inexpressible);
    bool ok = entry.key != NULL;
    if (value) {
        entry.value = terminated((struct str){value->name, value->units}, &entry.inexpressible);
        entry.inexpressible |= !value->data && kind != FVM_DELETED;
        entry.type = value->type;
        entry.size = value->size;
        entry.data = malloc((size_t)value->size + 1);
        ok = ok && entry.value && entry.data;
        if (entry.data && value->data)
            memcpy(entry.data, value->data, value->size);
    }
    d->list[d->count++] = entry;
    if (!ok)
        d->status = STATUS_NO_MEMORY;
}

static const struct value *find_value(const struct diff *d, const struct content *in, const struct value *like)
{
    struct str name = {like->name, like->units};
    for (size_t i = 0; i < in->value_count; i++)
        if (str_equal_fold(map_upcase(d->map), (struct str){in->values[i].name, in->values[i].units}, name))
            return &in->values[i];
    return NULL;
}

static void compare_values(struct diff *d, const struct content *own, const struct content *host)
{
    for (size_t i = 0; i < own->value_count; i++) {
        const struct value *value = &own->values[i], *other = find_value(d, host, value);
        if (!other)
            add(d, FVM_ADDED, value);
        else if (other->type != value->type || other->size != value->size || !other->data || !value->data ||
                 memcmp(other->data, value->data, value->size) != 0)
            add(d, FVM_MODIFIED, value);
    }
    for (size_t i = 0; i < host->value_count; i++)
        if (!find_value(d, own, &host->values[i]))
            add(d, FVM_DELETED, &host->values[i]);
}

static void compare_keys(struct diff *d, const struct content *own, const struct content *host)
{
    if (!security_same(own->rights, host->rights))
        add(d, FVM_MODIFIED, NULL);
    compare_values(d, own, host);
}

static bool has_subkey(const struct diff *d, const struct content *in, const struct subkey *like)
{
    for (size_t i = 0; i < in->subkey_count; i++)
        if (str_equal_fold(map_upcase(d->map), (struct str){in->subkeys[i].name, in->subkeys[i].units},
                           (struct str){like->name, like->units}))
            return true;
    return false;
}

static void push(struct diff *d, const struct subkey *subkey, size_t *path_len, size_t *lower_len)
{
    struct str name = {subkey->name, subkey->units};
    *path_len = d->path.len;
    *lower_len = d->lower.len;
    path_add(&d->path, name);
    if (d->lower.len > 0)
        path_add(&d->lower, name);
    d->depth++;
}

static void pop(struct diff *d, size_t path_len, size_t lower_len)
{
    d->path.len = path_len;
    d->lower.len = lower_len;
    d->path.overflow = d->lower.overflow = false;
    d->depth--;
}

/* A stored key that decides with all that is below it. */
static void compare_tree(struct diff *d)
{
    struct content own, host;
    size_t path_len, lower_len;
    NTSTATUS own_status = read_stored(d, &own), host_status = read_host(d, &host);
    if (NT_SUCCESS(own_status)) {
        if (NT_SUCCESS(host_status))
            compare_keys(d, &own, &host);
        else {
            add(d, FVM_ADDED, NULL);
            compare_values(d, &own, &host);
        }
        for (size_t i = 0; i < host.subkey_count; i++)
            if (!has_subkey(d, &own, &host.subkeys[i])) {
                push(d, &host.subkeys[i], &path_len, &lower_len);
                add(d, FVM_DELETED, NULL);
                pop(d, path_len, lower_len);
            }
        for (size_t i = 0; i < own.subkey_count && d->depth < DEPTH_MAX && NT_SUCCESS(d->status); i++) {
            push(d, &own.subkeys[i], &path_len, &lower_len);
            compare_tree(d);
            pop(d, path_len, lower_len);
        }
    } else if (own_status != STATUS_OBJECT_NAME_NOT_FOUND) {
        d->status = own_status;
    } else if (NT_SUCCESS(host_status)) {
        add(d, FVM_DELETED, NULL);
    }
    content_free(&own);
    content_free(&host);
}

/* Keys of the host that shine through below a renamed key: new under this name. What has a node is visited for itself. */
static void add_shining(struct diff *d)
{
    static const struct content none;
    struct map_place place;
    struct content host;
    size_t path_len, lower_len;
    NTSTATUS status = read_host(d, &host);
    for (size_t i = 0; NT_SUCCESS(status) && i < host.subkey_count && d->depth < DEPTH_MAX; i++) {
        push(d, &host.subkeys[i], &path_len, &lower_len);
        if (map_resolve(d->map, buf_str(&d->path), &place) && (place.kind == MAP_NONE || place.kind == MAP_PLAIN)) {
            struct content below;
            if (NT_SUCCESS(read_host(d, &below))) {
                add(d, FVM_ADDED, NULL);
                compare_values(d, &below, &none);
            }
            content_free(&below);
            add_shining(d);
        }
        pop(d, path_len, lower_len);
    }
    content_free(&host);
}

/* What the name would lead to if its own node did not exist. */
static void set_lower_from_parent(struct diff *d)
{
    struct str path = buf_str(&d->path), parent = path_parent(path);
    struct map_place place;
    d->lower.len = 0;
    if (map_resolve(d->map, parent, &place) && place.has_lower && !place.link) {
        map_lower(&place, parent, &d->lower);
        path_add(&d->lower, path_leaf(path));
    }
    if (d->lower.overflow || !key_path_valid(buf_str(&d->lower)))
        d->lower.len = 0;
}

static bool visit_node(void *context, struct str path, enum map_kind kind, struct str lower,
                       const struct map_origin *origin)
{
    struct diff *d = context;
    struct content own, host;
    (void)origin;
    struct map_place above;
    bool covered = map_resolve(d->map, path_parent(path), &above) && !above.has_lower; /* by the tree of a key above */
    d->depth = 0;
    buf_set(&d->path, path);
    set_lower_from_parent(d);
    if (kind == MAP_OWN) {
        if (!covered)
            compare_tree(d);
        return NT_SUCCESS(d->status);
    }
    if (NT_SUCCESS(read_stored(d, &own))) {
        if (!covered) {
            if (NT_SUCCESS(read_host(d, &host)))
                compare_keys(d, &own, &host);
            else {
                add(d, FVM_ADDED, NULL);
                compare_values(d, &own, &host);
            }
            content_free(&host);
        }
        if (kind == MAP_DIR && lower.len > 0 && key_path_valid(lower)) {
            buf_set(&d->lower, lower);
            add_shining(d);
        }
    }
    content_free(&own);
    return NT_SUCCESS(d->status);
}

/* ---- order and names ---- */

static int compare_text(const char16 *a, const char16 *b)
{
    for (;; a++, b++) {
        /* a key's content follows it directly; case as ASCII has it is enough for an order */
        unsigned x = *a == u'\\' ? 1 : *a >= u'a' && *a <= u'z' ? *a - 32u : *a;
        unsigned y = *b == u'\\' ? 1 : *b >= u'a' && *b <= u'z' ? *b - 32u : *b;
        if (x != y || !*a)
            return (x > y) - (x < y);
    }
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_text(x->key, y->key);
    if (order || !x->value || !y->value)
        return order ? order : (x->value != NULL) - (y->value != NULL);
    return compare_text(x->value, y->value);
}

/* The name that people know a key by. */
static void shown_name(struct str key, upcase_table upcase, struct strbuf *out)
{
    char16 memory[VM_PATH_MAX];
    struct str user = path_parent(path_parent(registry_home(memory)));
    buf_set(out, (struct str){0});
    if (path_under_fold(upcase, key, STR(u"Machine"))) {
        buf_add(out, STR(u"HKEY_LOCAL_MACHINE"));
        buf_add(out, str_from(key, STR(u"Machine").len));
    } else if (path_under_fold(upcase, key, user)) {
        buf_add(out, STR(u"HKEY_CURRENT_USER"));
        buf_add(out, str_from(key, user.len));
    } else if (path_under_fold(upcase, key, STR(u"User"))) {
        buf_add(out, STR(u"HKEY_USERS"));
        buf_add(out, str_from(key, STR(u"User").len));
    } else
        buf_add(out, key);
    buf_terminate(out);
}

static enum fvm_result load(struct diff *d, struct fvm_error *error)
{
    char16 path[VM_PATH_MAX];
    struct changes changes = {.names = JOURNAL_KEYS};
    uint64_t size = 0;
    enum fvm_result result = FVM_OK;
    struct str name = vm_part(d->vm, changes_journal(JOURNAL_KEYS), path);
    NTSTATUS status = file_open(&changes.journal, NULL, name, FILE_READ_DATA, FILE_SHARE_ALL,
                                FILE_NON_DIRECTORY_FILE | FILE_SAFE_OPTIONS);
    if (NT_SUCCESS(status))
        file_size(changes.journal, &size);
    d->map = changes_map(size);
    if (!d->map)
        result = error_memory(error, DIFF, str_of(d->vm->name));
    else if (NT_SUCCESS(status))
        result = changes_replay(&changes, d->vm, d->map, error);
    else if (!status_is_missing(status)) /* a VM that never ran has none */
        result = error_system(error, FVM_FAILED, u"open the journal", str_from(name, 4), status, u"");
    changes_free(&changes);
    if (NT_SUCCESS(status))
        nt.NtClose(changes.journal);
    return result;
}

static void visit_sorted(struct diff *d, bool (*visit)(void *context, const struct fvm_key_change *change),
                         void *context)
{
    if (d->count)
        qsort(d->list, d->count, sizeof *d->list, by_key);
    for (size_t i = 0; i < d->count; i++) {
        struct entry *e = &d->list[i];
        shown_name(str_of(e->key), map_upcase(d->map), &d->full);
        struct fvm_key_change change = {e->kind, d->full.s, e->value, e->type, e->data, e->size, e->inexpressible};
        if (e->value && e->kind == FVM_DELETED)
            change.size = 0;
        if (!visit(context, &change))
            break;
    }
}

static void release(struct diff *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->list[i].key);
        free(d->list[i].value);
        free(d->list[i].data);
    }
    free(d->list);
    if (d->map)
        VirtualFree(d->map, 0, MEM_RELEASE);
    path_free(&d->path);
    path_free(&d->lower);
    path_free(&d->full);
}

enum fvm_result fvm_diff_keys(struct fvm_home *home, const wchar_t *name,
                              bool (*visit)(void *context, const struct fvm_key_change *change), void *context,
                              struct fvm_error *error)
{
    struct vm vm;
    struct diff d = {.vm = &vm};
    enum fvm_result result = vm_open(&vm, home, name, DIFF, error);
    if (result != FVM_OK)
        return result;
    if (path_alloc(&d.path) && path_alloc(&d.lower) && path_alloc(&d.full))
        result = load(&d, error);
    else
        result = error_memory(error, DIFF, str_of(vm.name));
    if (result == FVM_OK)
        map_walk(d.map, visit_node, &d);
    if (result == FVM_OK && !NT_SUCCESS(d.status))
        result = error_system(error, FVM_FAILED, u"compare the key", buf_str(&d.path), d.status, u"");
    if (result == FVM_OK)
        visit_sorted(&d, visit, context);
    release(&d);
    return result;
}
