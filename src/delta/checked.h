/* Names of the host that were asked once: directories and keys whose spelling is the canonical one, and files that are no other name
 * of a copied one.
 *
 * A cache in memory shared by all processes of a VM, without a lock: a name is one word, its hash, and one that is
 * overwritten is asked again. So it may forget, and it is never a record of anything: what a VM changed is in the
 * map (map.h). Two names with the same 64 bits would be taken for each other: by chance that does not happen, and a program that
 * arranges it misleads its own VM only. */
#ifndef FVM_DELTA_CHECKED_H
#define FVM_DELTA_CHECKED_H

#include <stdatomic.h>

#include "base/str.h"

#define CHECKED_SLOTS 4096u /* 32 KiB; a large build meets some hundred directories */

struct checked_names {
    _Alignas(8) _Atomic uint64_t slot[CHECKED_SLOTS]; /* 0: free */
};

/* The path and everything above it is in order: it was asked for its own name, which was the same. */
void checked_add(struct checked_names *names, upcase_table up, struct str path);
bool checked_has(const struct checked_names *names, upcase_table up, struct str path);
/* The same for the path alone, and for as long as `version` is the current one of what the answer depends on. */
void checked_add_version(struct checked_names *names, upcase_table up, struct str path, uint64_t version);
bool checked_has_version(const struct checked_names *names, upcase_table up, struct str path, uint64_t version);
/* The same for the file with that id. */
void checked_add_file(struct checked_names *names, const uint64_t id[2], uint64_t version);
bool checked_has_file(const struct checked_names *names, const uint64_t id[2], uint64_t version);

#endif
