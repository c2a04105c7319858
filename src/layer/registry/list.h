/* The merged list of a key's subkeys, as the program enumerates it. */
#ifndef FVM_LAYER_REGISTRY_LIST_H
#define FVM_LAYER_REGISTRY_LIST_H

#include "layer/registry/registry.h"

struct key_listing;

/* The list for a merged key: what the state has, or a new one if the map has changed since. */
NTSTATUS key_listing_current(struct key_use *use, struct key_listing **listing);
/* Whether none of the two keys has changed since, which the map does not tell. */
bool key_listing_fresh(struct key_use *use);
void key_listing_forget(struct key_use *use);
void key_listing_free(struct key_listing *listing); /* NULL is allowed */

uint32_t key_listing_count(const struct key_listing *listing);
uint32_t key_listing_longest_name(const struct key_listing *listing);  /* bytes */
uint32_t key_listing_longest_class(const struct key_listing *listing); /* bytes */
/* False when there is no such entry. child->information stays valid as long as the listing. */
bool key_listing_entry(const struct key_listing *listing, uint32_t index, struct key_child *child);

#endif
