/* Listing directories: host and delta merged.
 *
 * A merged directory shows what the storage has and a node of its own (OWN, DIR, META), and what the lower has and no
 * node changes. list.c answers the system services; merge.c reads both directories into a listing (listing.c). */
#ifndef FVM_LAYER_FILES_LIST_H
#define FVM_LAYER_FILES_LIST_H

#include "layer/files/files.h"

/* A directory was opened to be listed, there or in storage, by a path with a place that was resolved at that sequence of the map. */
void list_opened(HANDLE directory, struct str path, const struct map_place *place, bool from_storage,
                 uint32_t sequence);
/* Whether a directory of the VM (in storage, with or without a lower) has no entries in the VM's view. */
bool list_is_empty(const struct file_name *name);

/* Where the records of an information class keep what a merge needs; offsets in bytes. */
struct list_format {
    int class;
    uint8_t name_at; /* the name is the last member */
    uint8_t name_length_at;
    uint8_t id_at; /* 64 bits of a file id; 0: none */
};

/* NULL: no class that lists a directory. */
const struct list_format *list_format(FILE_INFORMATION_CLASS class);
struct str list_name(const struct list_format *format, const uint8_t *record);
bool list_is_dots(struct str name); /* . and .. */

enum list_side { LIST_LOWER, LIST_STORAGE, LIST_SIDES };

/* A directory's merged entries, as they were at one moment, and how far they have been handed out. */
struct listing;

/* Whether the directory must be merged: for all others the system's own answer is right. `from_storage`: the handle
 * that is asked has the storage's directory open. */
bool listing_needed(const struct map_place *place, bool from_storage);
/* Reads the directory in the format; only names that match the mask (the system matches; empty: all). Errors are the
 * system's: an unknown class, no access to one of the two. */
NTSTATUS listing_read(const struct file_name *name, const struct list_format *format, struct str mask,
                      struct listing **listing);
/* One that is still to be read: remembers what was opened, by which path, at which sequence of the map. NULL without memory. */
struct listing *listing_unread(struct str path, uint32_t sequence);
bool listing_is_unread(const struct listing *listing);
/* Its path; empty when the map has moved since. Lives as long as the listing. */
struct str listing_path(const struct listing *unread, uint32_t sequence);
void listing_free(struct listing *listing);

/* For merge.c: the lower's records, then the storage's. The listing may move; copy is the record in it. */
NTSTATUS listing_start(struct listing **listing, const struct list_format *format, struct str mask);
NTSTATUS listing_append(struct listing **listing, enum list_side side, const uint8_t *record, uint8_t **copy);
void listing_end_lower(struct listing *listing, bool was_there);

const struct list_format *listing_format(const struct listing *listing);
/* The mask it was read with; lives as long as the listing. */
struct str listing_mask(const struct listing *listing);
/* The next record (its NextEntryOffset is 0), or NULL at the end. */
const uint8_t *listing_head(struct listing *listing);
void listing_advance(struct listing *listing);

/* A position to come back to. */
struct listing_position {
    uint32_t at[LIST_SIDES];
    uint32_t count; /* entries handed out */
};
struct listing_position listing_position(const struct listing *listing);
void listing_seek(struct listing *listing, struct listing_position position);
/* Skips what another listing of the same directory had handed out. */
void listing_skip(struct listing *listing, uint32_t count);

/* For handles.c: a listing whose handle was closed. */
void listing_release(uintptr_t listing);

#endif
