/* The system's upcase table (RtlUpcaseUnicodeChar), so that names compare as the system does.
 *
 * It stands in memory that a VM's processes share, and there are two in each VM, so it is kept small: 256 pages of 256 units,
 * of which all those without letters of two cases are one. On Windows and on Wine about 20 others are left. */
#ifndef FVM_BASE_UPCASE_H
#define FVM_BASE_UPCASE_H

#include <stdbool.h>
#include <stdint.h>

typedef uint16_t char16; /* the same type as WCHAR on Windows */

#define UPCASE_PAGE 256u
#define UPCASE_PAGES 64u /* a power of 2 */

struct upcase {
    uint32_t pages; /* besides page 0, which changes nothing */
    uint32_t unused;
    uint8_t page[UPCASE_PAGE]; /* by the high byte */
    char16 added[UPCASE_PAGES][UPCASE_PAGE];
};

typedef const struct upcase *upcase_table;

/* Within bounds whatever the table holds: others can write to it. */
static inline char16 upcase_of(upcase_table table, char16 c)
{
    return (char16)(c + table->added[table->page[c / UPCASE_PAGE] % UPCASE_PAGES][c % UPCASE_PAGE]);
}

/* Adds one page to a table that is zeroed before its first: upper[i] is the upper case of page * 256 + i. False when more
 * pages have letters than there is room for. */
bool upcase_add(struct upcase *table, uint8_t page, const char16 upper[UPCASE_PAGE]);
/* `to` is zeroed; only what is in use is written. */
void upcase_copy(struct upcase *to, upcase_table from);

#endif
