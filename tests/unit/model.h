/* The delta map as one would write it without any care for speed: a list of paths. The real one must agree with it. */
#ifndef FVM_TESTS_UNIT_MODEL_H
#define FVM_TESTS_UNIT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delta/map.h"

#define MODEL_PATH 192
#define MODEL_ENTRIES 4096

struct model_entry {
    char path[MODEL_PATH];
    enum map_kind kind;
    char lower[MODEL_PATH]; /* "" for none */
    uint64_t id;
};

struct model {
    struct model_entry entries[MODEL_ENTRIES];
    size_t count;
};

struct model_place {
    enum map_kind kind;
    size_t known;
    bool has_lower, in_storage, hidden, link;
    char lower[2 * MODEL_PATH]; /* of the link: target + rest */
    uint64_t id;
};

bool model_under(const char *path, const char *top);
const struct model_entry *model_find(const struct model *m, const char *path);
void model_resolve(const struct model *m, const char *path, struct model_place *place);
void model_set(struct model *m, const char *path, enum map_kind kind, const char *lower, uint64_t id);
void model_remove(struct model *m, const char *path);
bool model_rename(struct model *m, const char *from, const char *to, bool cover, enum map_kind kind_if_none);
bool model_has_changed_child(const struct model *m, const char *path);

#endif
