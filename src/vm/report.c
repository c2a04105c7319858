/* Sorting changes. */
#include "vm/report.h"

#include <stdlib.h>
#include <string.h>

/* Sorts before every character of a name, so that a directory's content follows it directly. */
#define SEPARATOR_KEY 1u

struct report_entry {
    enum fvm_change_kind kind;
    bool directory, silent;
    char16 *path, *from; /* one allocation: path, from, and the folded path */
    char16 *key;
};

bool report_add(struct report *report, enum fvm_change_kind kind, bool directory, struct str path, struct str from)
{
    if (report->count == report->cap) {
        size_t cap = report->cap ? 2 * report->cap : 256;
        struct report_entry *list = realloc(report->list, cap * sizeof *list);
        if (!list)
            return false;
        report->list = list;
        report->cap = cap;
    }
    char16 *memory = calloc(2 * path.len + from.len + 3, sizeof *memory);
    if (!memory)
        return false;
    struct report_entry *entry = &report->list[report->count++];
    *entry = (struct report_entry){kind, directory, false, memory, NULL, memory + path.len + 1};
    memcpy(entry->path, path.s, path.len * sizeof(char16));
    if (from.len > 0) {
        entry->from = memory + 2 * path.len + 2;
        memcpy(entry->from, from.s, from.len * sizeof(char16));
    }
    return true;
}

static void fold(upcase_table upcase, const char16 *path, char16 *key)
{
    for (; *path; path++)
        *key++ = *path == u'\\' ? SEPARATOR_KEY : upcase_of(upcase, *path);
}

static int compare_keys(const char16 *a, const char16 *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return (*a > *b) - (*a < *b);
}

static int by_path(const void *a, const void *b)
{
    const struct report_entry *one = a, *two = b;
    int order = compare_keys(one->key, two->key);
    return order ? order : (int)two->kind - (int)one->kind; /* R before M, for a name that has both */
}

/* The first entry with this path, or NULL. */
static struct report_entry *find(struct report *report, const char16 *key)
{
    size_t low = 0, high = report->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(report->list[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < report->count && compare_keys(report->list[low].key, key) == 0 ? &report->list[low] : NULL;
}

static void silence_old_names(struct report *report, upcase_table upcase)
{
    for (size_t i = 0; i < report->count; i++) {
        const char16 *from = report->list[i].from;
        if (!from)
            continue;
        char16 *key = calloc(str_of(from).len + 1, sizeof *key);
        if (!key)
            return; /* the deletion is then told as well, which is true */
        fold(upcase, from, key);
        struct report_entry *old = find(report, key);
        if (old && old->kind == FVM_DELETED)
            old->silent = true;
        free(key);
    }
}

void report_visit(struct report *report, upcase_table upcase,
                  bool (*visit)(void *context, const struct fvm_change *change), void *context)
{
    for (size_t i = 0; i < report->count; i++)
        fold(upcase, report->list[i].path, report->list[i].key);
    if (report->count > 0)
        qsort(report->list, report->count, sizeof *report->list, by_path);
    silence_old_names(report, upcase);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_entry *entry = &report->list[i];
        struct fvm_change change = {entry->kind, entry->directory, entry->path, entry->from};
        if (!entry->silent && !visit(context, &change))
            return;
    }
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->list[i].path);
    free(report->list);
    *report = (struct report){0};
}
