/* The layer: what every name space stands on. One struct of state per process; no heap, no loader, no C library. */
#ifndef FVM_LAYER_LAYER_H
#define FVM_LAYER_LAYER_H

#include <stdatomic.h>

#include "base/mem.h"
#include "base/str.h"
#include "delta/checked.h"
#include "delta/journal.h"
#include "delta/map.h"
#include "layer/header.h"
#include "nt/native.h"

/* Every hook has the type of its service. */
#define SERVICE(name) __typeof__(*nt.name) fvm_##name;
#define REPLACED(name) SERVICE(name)
#include "layer/services.def"
#undef SERVICE
#undef REPLACED

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

/* A delta: its map in shared memory, and the journal that it can be made from. */
struct layer_delta {
    _Atomic(struct delta_map *) map; /* see layer_map */
    _Atomic uint32_t number;         /* of that map */
    _Atomic uint32_t *current;       /* the number of the VM's current map, in shared memory */
    struct checked_names *checked;   /* names of the host, by their lower paths */
    struct str journal;              /* NT path */
    _Atomic(HANDLE) journal_file;    /* opened by the first thread that has something to write */
    enum journal_names names;
    struct str hidden; /* FVM's own place in this name space */
    /* whether a rename that was written to the journal reached the storage before its writer died */
    bool (*renamed)(void *unused, struct str from, struct str to);
};

struct layer {
    const struct vm_shared *vm; /* NULL until layer_attach */
    struct layer_delta files, keys;
    upcase_table up;
    HANDLE lock;
    struct str events;            /* NT path of the event log */
    uint32_t pid;                 /* of this process, never from the TEB: that is the program's memory */
    bool narrow;                  /* the program is a 32-bit one on a 64-bit system */
    HANDLE objects;               /* the root of the VM's object names */
    struct checked_names *single; /* files of the host that are no other name of a copied one */
    struct str files_root;        /* NT path of the delta tree */
    struct str keys_root;         /* the key that holds the VM's keys, behind \REGISTRY\ */
    struct str storage;           /* the same in delta form, as a host path */
    struct str
        partners; /* NT path of the directory for the names of copied files that the VM has not met (files/alias.c) */
};

extern struct layer layer;
extern struct layer_header fvm_layer_header;

/* Makes `layer` usable; every hook calls it first. A process whose VM cannot be mapped is ended: it must not run
 * unprotected. */
void layer_attach(void);
/* protect.c: code of the layer is not writable from then on, and data not executable. */
void layer_protect(void);
/* Ends the process: it cannot be kept in its VM. */
_Noreturn void layer_end_process(NTSTATUS status);
/* Makes a handle of the layer safe from a program that closes or uses what it does not know (see handle_used); returns it. */
HANDLE layer_keep(HANDLE handle);
/* The same for one that is made when it is first needed: returns the one in *place, which is `made` unless another thread was faster. */
HANDLE layer_keep_first(_Atomic(HANDLE) *place, HANDLE made);

/* The VM's writer lock. Recursive within a thread. When its last owner died, the maps have been rebuilt on return. */
void layer_lock(void);
void layer_unlock(void);
/* The delta's map. It becomes another one, with a new generation, when it has grown; the old one stays readable. */
struct delta_map *layer_map_moved(struct layer_delta *delta);
static inline struct delta_map *layer_map(struct layer_delta *delta)
{
    uint32_t current = atomic_load_explicit(delta->current, memory_order_acquire);
    return current == atomic_load_explicit(&delta->number, memory_order_acquire)
               ? atomic_load_explicit(&delta->map, memory_order_acquire)
               : layer_map_moved(delta);
}
/* [locked] Rebuilds the map from the journal, in a larger one if need be. */
void layer_rebuild(struct layer_delta *delta);
/* [locked] Appends a record to the journal (not to the map). */
NTSTATUS layer_journal(struct layer_delta *delta, const struct journal_record *record);
/* [locked] Journals and maps a node. origin may be NULL. */
NTSTATUS layer_record(struct layer_delta *delta, struct str path, enum map_kind kind, struct str lower,
                      const struct map_origin *origin);

/* Guarded copies: false when the program's pointer is bad. The only places that touch the program's memory. */
bool guard_read(void *to, const void *from, size_t size);
bool guard_write(void *to, const void *from, size_t size);

/* What a program calls something, read once: what is judged is what the system gets, whatever another thread writes meanwhile. Not to be
 * copied: attributes.ObjectName is NULL or points to `name`. */
struct said {
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
};
#define SAID_UNITS (UNICODE_STRING_MAX_CHARS + 1u) /* has room for any name */
/* The system's own addresses: no thread of the program can make them readable between two looks. */
#define UNREADABLE ((uintptr_t)-0x10000)
/* False when a pointer is bad: then *said is such that the system gives the program its own status for that. The characters of the name stay
 * where the program has them. */
bool said_read(const OBJECT_ATTRIBUTES *program, struct said *said);
/* The same, with the characters, in `text` (SAID_UNITS). */
bool said_read_all(const OBJECT_ATTRIBUTES *program, struct said *said, char16 *text);
/* The characters could not be read. */
void said_unreadable(struct said *said);
/* The name in attributes that are a copy; empty when there is none. */
static inline struct str attributes_name(const OBJECT_ATTRIBUTES *copy)
{
    const UNICODE_STRING *name = copy->ObjectName;
    return name ? (struct str){(const char16 *)name->Buffer, name->Length / sizeof(char16)} : (struct str){0};
}
static inline struct str said_name(const struct said *said)
{
    return (struct str){(const char16 *)said->name.Buffer, said->name.Length / sizeof(char16)};
}

/* A text of the memory that all processes share. One that claims to be longer than it can be ends the process. */
struct str shared_str(const struct shared_text *text);

/* Object attributes for an NT path (which must outlive them). A path that is too long becomes the empty name, which no
 * service opens. Use as path_object(&at). */
struct path_attributes {
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
};
struct path_attributes path_attributes(struct str nt_path);
static inline OBJECT_ATTRIBUTES *path_object(struct path_attributes *at)
{
    at->attributes.ObjectName = &at->name;
    return &at->attributes;
}

/* Large scratch memory for the duration of a hook, taken from a pool: never the program's stack or heap. */
#define SCRATCH_SIZE (256u * 1024u)
void *scratch_take(void);
void scratch_give(void *scratch);

/* One line in the VM's event log: `event` (a word) and a name. */
void log_event(const char *event, struct str name);
/* The same for a refusal: why, and which name; returns status. */
NTSTATUS log_refusal(const char *why, struct str name, NTSTATUS status);
#define LOGGED_UNITS 64u /* so much of an overlong name is logged */

#endif
