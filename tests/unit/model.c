#include "model.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static int fold(char c)
{
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}

static bool same(const char *x, const char *y)
{
    for (; *x && fold(*x) == fold(*y); x++, y++)
        ;
    return fold(*x) == fold(*y);
}

bool model_under(const char *path, const char *top)
{
    for (; *top && fold(*path) == fold(*top); path++, top++)
        ;
    return !*top && (!*path || *path == '\\');
}

static void parent_of(const char *path, char *parent)
{
    strcpy(parent, path);
    char *slash = strrchr(parent, '\\');
    *(slash ? slash : parent) = 0;
}

static const char *leaf_of(const char *path)
{
    const char *slash = strrchr(path, '\\');
    return slash ? slash + 1 : path;
}

static struct model_entry *find(struct model *m, const char *path)
{
    return (struct model_entry *)model_find(m, path);
}

const struct model_entry *model_find(const struct model *m, const char *path)
{
    for (size_t i = 0; i < m->count; i++)
        if (same(m->entries[i].path, path))
            return &m->entries[i];
    return NULL;
}

static bool is_delta(enum map_kind kind)
{
    return kind == MAP_OWN || kind == MAP_DIR || kind == MAP_META;
}

void model_resolve(const struct model *m, const char *path, struct model_place *p)
{
    *p = (struct model_place){.has_lower = true};
    strcpy(p->lower, path);
    for (size_t end = 1; end <= strlen(path); end++) {
        char prefix[MODEL_PATH] = "";
        if (path[end] && path[end] != '\\')
            continue;
        memcpy(prefix, path, end);
        const struct model_entry *e = model_find(m, prefix);
        if (!e)
            break;
        p->known = end;
        if (!path[end]) {
            p->kind = e->kind;
            p->id = e->id;
        }
        if (e->kind == MAP_HIDDEN || e->kind == MAP_LINK) {
            p->hidden = e->kind == MAP_HIDDEN;
            p->link = e->kind == MAP_LINK;
            if (p->link)
                snprintf(p->lower, sizeof(p->lower), "%s%s", e->lower, path + end);
            break;
        }
        if (e->kind == MAP_OWN)
            p->has_lower = false;
        if (*e->lower) {
            p->has_lower = true;
            snprintf(p->lower, sizeof(p->lower), "%s%s", e->lower, path + end);
        }
    }
    p->in_storage = !p->has_lower || is_delta(p->kind);
}

static void drop(struct model *m, const char *path, bool itself)
{
    char top[MODEL_PATH];
    size_t kept = 0;
    strcpy(top, path); /* may be the path of an entry */
    for (size_t i = 0; i < m->count; i++)
        if (!model_under(m->entries[i].path, top) || (!itself && same(m->entries[i].path, top)))
            m->entries[kept++] = m->entries[i];
    m->count = kept;
}

static struct model_entry *ensure(struct model *m, const char *path)
{
    struct model_entry *e = find(m, path);
    if (e || !*path)
        return e;
    char parent[MODEL_PATH];
    parent_of(path, parent);
    ensure(m, parent);
    assert(m->count < MODEL_ENTRIES);
    e = &m->entries[m->count++];
    *e = (struct model_entry){.kind = MAP_PLAIN};
    strcpy(e->path, path);
    return e;
}

void model_set(struct model *m, const char *path, enum map_kind kind, const char *lower, uint64_t id)
{
    bool cache = kind == MAP_PLAIN || kind == MAP_LINK;
    struct model_entry *e = find(m, path);
    if (e && cache && e->kind != MAP_PLAIN && e->kind != MAP_LINK)
        return;
    for (size_t i = 0; e && kind == MAP_LINK && i < m->count; i++)
        if (&m->entries[i] != e && model_under(m->entries[i].path, path))
            return;
    if (kind != MAP_DIR && kind != MAP_PLAIN)
        drop(m, path, false);
    e = ensure(m, path);
    e->kind = kind;
    e->id = id;
    strcpy(e->lower, kind == MAP_OWN || kind == MAP_HIDDEN ? "" : lower);
    if (is_delta(kind))
        strcpy(e->path + (leaf_of(e->path) - e->path), leaf_of(path));
}

void model_remove(struct model *m, const char *path)
{
    if (*path)
        drop(m, path, true);
}

bool model_has_changed_child(const struct model *m, const char *path)
{
    for (size_t i = 0; i < m->count; i++) {
        char parent[MODEL_PATH];
        parent_of(m->entries[i].path, parent);
        if (same(parent, path) && (is_delta(m->entries[i].kind) || m->entries[i].kind == MAP_HIDDEN))
            return true;
    }
    return false;
}

static void drop_links_below(struct model *m, const char *top)
{
    for (size_t i = 0; i < m->count;)
        if (m->entries[i].kind == MAP_LINK && model_under(m->entries[i].path, top) && !same(m->entries[i].path, top)) {
            drop(m, m->entries[i].path, true);
            i = 0;
        } else {
            i++;
        }
}

bool model_rename(struct model *m, const char *from, const char *to, bool cover, enum map_kind kind_if_none)
{
    struct model_place source, target, above;
    char parent[MODEL_PATH];
    bool case_only = same(from, to);
    if (!case_only && (model_under(from, to) || model_under(to, from)))
        return false;
    model_resolve(m, from, &source);
    model_resolve(m, to, &target);
    parent_of(to, parent);
    model_resolve(m, parent, &above);
    if (source.hidden || target.hidden)
        return true;
    struct model_entry moved = {.kind = kind_if_none};
    const struct model_entry *old = find(m, from);
    bool had = old != NULL;
    if (!case_only)
        model_remove(m, to);
    if (!had && !source.has_lower && !above.has_lower)
        return true;
    old = find(m, from);
    bool known = had && is_delta(old->kind);
    if (known)
        moved.kind = old->kind;
    if (had)
        moved.id = old->id;
    if (!source.has_lower)
        moved.kind = known || above.has_lower ? MAP_OWN : MAP_PLAIN;
    else if (moved.kind != MAP_OWN) /* of a link: where it is, not where it leads */
        strcpy(moved.lower, source.link ? from : source.lower);
    if (source.link && source.has_lower && moved.kind != MAP_OWN) {
        char above_from[MODEL_PATH];
        parent_of(from, above_from);
        model_resolve(m, above_from, &source);
        snprintf(moved.lower, sizeof(moved.lower), "%.90s%s%.90s", source.lower, *source.lower ? "\\" : "",
                 leaf_of(from));
        source.has_lower = true;
    }
    if (!case_only)
        drop_links_below(m, from);
    ensure(m, parent);
    for (size_t i = 0; i < m->count; i++) {
        struct model_entry *e = &m->entries[i];
        char rest[MODEL_PATH];
        if (!model_under(e->path, from))
            continue;
        strcpy(rest, e->path + strlen(from));
        snprintf(e->path, sizeof(e->path), "%.90s%.90s", to, rest);
    }
    struct model_entry *e = ensure(m, to);
    e->kind = moved.kind;
    strcpy(e->lower, moved.lower);
    if (cover && !case_only && (known || source.has_lower)) {
        e = ensure(m, from);
        e->kind = MAP_OWN;
    }
    return true;
}
