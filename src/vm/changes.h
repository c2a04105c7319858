/* The changes of a VM as a journal tells them: from delta.log or registry.log into a map, and mending a journal that was cut
 * off. */
#ifndef FVM_VM_CHANGES_H
#define FVM_VM_CHANGES_H

#include "delta/journal.h"
#include "delta/map.h"
#include "vm/vm.h"

struct changes {
    enum journal_names names;
    const struct vm *vm; /* set by changes_replay */
    HANDLE journal;      /* readable; not owned */
    HANDLE files;        /* JOURNAL_FILES: the delta tree; not owned */
    bool locked;         /* nobody else writes: what a rename that was cut off left behind is removed */
    struct str hidden;   /* what is hidden from the VM before the replay; empty: nothing */
    uint8_t *data;       /* the journal's bytes; owned */
    size_t size;
    size_t good; /* bytes of whole, valid records of what happened */
    bool torn;   /* something else than a rename that never happened lies behind them */
};

/* The journal's name in the VM's directory. */
const char16 *changes_journal(enum journal_names names);
/* A map that has room for a journal of this size, in bytes (a multiple of 64 KiB). */
size_t changes_map_size(uint64_t journal_size);
/* The system's upcase table, for the caller to free. NULL without memory or when the system fails. */
struct upcase *changes_upcase(void);
/* An empty map in private memory, with room for what a journal of that size names; for VirtualFree. NULL without memory or when the
 * system fails. */
struct delta_map *changes_map(uint64_t journal_size);
/* Replays the journal into an empty map. */
enum fvm_result changes_replay(struct changes *changes, const struct vm *vm, struct delta_map *map,
                               struct fvm_error *error);
/* Makes the journal end with its last good record, so that it can be added to. What is cut off is copied to
 * <journal>.damaged first if it is more than one incomplete record. Nothing else may be writing. */
enum fvm_result changes_mend(struct changes *changes, const struct vm *vm, void (*notice)(const wchar_t *text),
                             HANDLE events, struct fvm_error *error);
void changes_free(struct changes *changes);

#endif
