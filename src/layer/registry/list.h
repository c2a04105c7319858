/* The merged list of a key's subkeys, as the program enumerates it. */
#ifndef FVM_LAYER_REGISTRY_LIST_H
#define FVM_LAYER_REGISTRY_LIST_H

#include "layer/registry/registry.h"

struct key_totals {
    uint32_t count;
    uint32_t longest_name, longest_class; /* bytes */
};

void key_listing_free(struct key_listing *listing); /* NULL is allowed */
/* An entry of a merged key; child->information stays valid until the next call. Whether the two keys have changed, which the map
 * does not tell, is looked at when a list is begun. */
NTSTATUS key_listing_entry(struct key_use *use, uint32_t index, struct key_child *child);
NTSTATUS key_listing_totals(struct key_use *use, struct key_totals *totals);

#endif
