/* fvm_diff_keys: what the VM's registry is now, against the host's. The journal says where to look, the stored keys say what
 * is there. All of it was written by programs that are not trusted: sizes and depths are bounded. */
#include "vm/changes.h"
#include "vm/error.h"
#include "vm/file.h"
#include "vm/registry.h"
#include "vm/registry_content.h"
#include "vm/security.h"

#include <stdlib.h>
#include <string.h>

#define DIFF u"compare the registry of VM"
#define DEPTH_MAX 512u

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
    struct strbuf lower; /* the host's key that shines through there */
    struct strbuf full;
    struct entry *list;
    size_t count, cap;
    unsigned depth;
    NTSTATUS status;
};

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

static void compare_content(struct diff *d, const struct content *own, const struct content *host)
{
    if (!security_same(own->rights, host->rights))
        add(d, FVM_MODIFIED, NULL);
    compare_values(d, own, host);
}

/* Whether one of the first `count` subkeys has that name. */
static bool has_subkey(const struct diff *d, const struct content *in, size_t count, const struct subkey *like)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_fold(map_upcase(d->map), (struct str){in->subkeys[i].name, in->subkeys[i].units},
                           (struct str){like->name, like->units}))
            return true;
    return false;
}

/* ---- the VM's view against the host's ---- */

/* Where the host's key lies that shines through at d->path; d->lower is empty where none can. True when it is the one of that name. */
static bool set_lower(struct diff *d, const struct map_place *place)
{
    struct str path = buf_str(&d->path);
    buf_set(&d->lower, (struct str){0});
    if (place->has_lower && place->kind != MAP_META)
        map_lower(place, path, &d->lower);
    if (d->lower.overflow || !key_path_valid(buf_str(&d->lower)))
        buf_set(&d->lower, (struct str){0});
    return d->lower.len > 0 && str_equal_fold(map_upcase(d->map), buf_str(&d->lower), path);
}

static NTSTATUS read_stored(struct diff *d, unsigned what, struct content *content)
{
    char16 memory[VM_PATH_MAX];
    buf_set(&d->full, registry_root(d->vm, memory));
    path_add(&d->full, buf_str(&d->path));
    return d->full.overflow ? STATUS_OBJECT_NAME_NOT_FOUND : content_add(content, buf_str(&d->full), true, what);
}

/* What the VM sees; of the subkeys, some may not exist for it, and what is behind the first *stored may be named there too. */
static NTSTATUS read_view(struct diff *d, const struct map_place *place, unsigned what, struct content *view,
                          size_t *stored)
{
    NTSTATUS status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (place->in_storage)
        status = read_stored(d, what, view);
    else if (place->kind == MAP_PLAIN)
        read_stored(d, what & CONTENT_SUBKEYS, view);
    *stored = view->subkey_count;
    if (!NT_SUCCESS(status) && status != STATUS_OBJECT_NAME_NOT_FOUND)
        return status;
    unsigned rest = NT_SUCCESS(status) ? what & CONTENT_SUBKEYS : what;
    if (d->lower.len > 0 && rest && NT_SUCCESS(content_add(view, buf_str(&d->lower), false, rest)))
        status = STATUS_SUCCESS; /* what cannot be read is not compared */
    return status;
}

static void compare_key(struct diff *d);

static void compare_subkey(struct diff *d, const struct subkey *subkey)
{
    size_t path_len = d->path.len;
    if (!NT_SUCCESS(d->status) || d->depth >= DEPTH_MAX)
        return;
    path_add(&d->path, (struct str){subkey->name, subkey->units});
    d->depth++;
    if (!d->path.overflow)
        compare_key(d);
    d->depth--;
    d->path.overflow = false;
    if (NT_SUCCESS(d->status))
        d->path.len = path_len;
}

/* Compares d->path, and all below it unless the host's own subkeys shine through there. */
static void compare_key(struct diff *d)
{
    struct map_place place;
    struct content view = {0}, host = {0};
    if (!map_resolve(d->map, buf_str(&d->path), &place) || place.hidden)
        return;
    bool same = set_lower(d, &place);
    if (same && (place.kind == MAP_NONE || place.kind == MAP_PLAIN))
        return;
    size_t stored;
    unsigned what = same ? CONTENT_VALUES : CONTENT_ALL;
    NTSTATUS view_status = read_view(d, &place, what, &view, &stored);
    NTSTATUS host_status = content_add(&host, buf_str(&d->path), false, what);
    if (!NT_SUCCESS(view_status) && view_status != STATUS_OBJECT_NAME_NOT_FOUND) {
        d->status = view_status;
    } else if (!NT_SUCCESS(view_status)) {
        if (NT_SUCCESS(host_status))
            add(d, FVM_DELETED, NULL);
    } else if (NT_SUCCESS(host_status)) {
        compare_content(d, &view, &host);
        for (size_t i = 0; i < host.subkey_count; i++)
            if (!has_subkey(d, &view, view.subkey_count, &host.subkeys[i]))
                compare_subkey(d, &host.subkeys[i]);
    } else {
        add(d, FVM_ADDED, NULL);
        compare_values(d, &view, &host);
    }
    for (size_t i = 0; i < view.subkey_count; i++)
        if (i < stored || !has_subkey(d, &view, stored, &view.subkeys[i]))
            compare_subkey(d, &view.subkeys[i]);
    content_free(&view);
    content_free(&host);
}

static bool visit_node(void *context, struct str path, enum map_kind kind, struct str lower,
                       const struct map_origin *origin)
{
    struct diff *d = context;
    struct map_place above;
    (void)kind, (void)lower, (void)origin;
    buf_set(&d->path, path_parent(path));
    bool covered = map_resolve(d->map, buf_str(&d->path), &above) && d->path.len > 0 && !set_lower(d, &above);
    buf_set(&d->path, path);
    if (!covered) /* else it is reached from above */
        compare_key(d);
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
    char16 path[VM_PATH_MAX], memory[VM_PATH_MAX];
    struct changes changes = {.names = JOURNAL_KEYS, .hidden = registry_home(memory)};
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
