/* The list of changes that fvm_diff makes, before it is sorted and passed on. */
#ifndef FVM_VM_REPORT_H
#define FVM_VM_REPORT_H

#include "base/str.h"
#include "fvm.h"

struct report {
    struct report_entry *list;
    size_t count, cap;
};

/* Copies both paths; `from` may be empty. False without memory. */
bool report_add(struct report *report, enum fvm_change_kind kind, bool directory, struct str path, struct str from);
/* Sorts by path, leaves out what another entry says already (the old name of a rename), and visits. */
void report_visit(struct report *report, upcase_table upcase,
                  bool (*visit)(void *context, const struct fvm_change *change), void *context);
void report_free(struct report *report);

#endif
