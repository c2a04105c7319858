/* Making and copying the upcase table. */
#include "base/upcase.h"

bool upcase_add(struct upcase *table, uint8_t page, const char16 upper[UPCASE_PAGE])
{
    char16 any = 0;
    for (uint32_t i = 0; i < UPCASE_PAGE; i++)
        any |= (char16)(upper[i] - (page * UPCASE_PAGE + i));
    if (!any)
        return true;
    if (table->pages + 1 >= UPCASE_PAGES)
        return false;
    table->pages++;
    table->page[page] = (uint8_t)table->pages;
    for (uint32_t i = 0; i < UPCASE_PAGE; i++)
        table->added[table->pages][i] = (char16)(upper[i] - (page * UPCASE_PAGE + i));
    return true;
}

void upcase_copy(struct upcase *to, upcase_table from)
{
    to->pages = from->pages;
    for (uint32_t i = 0; i < UPCASE_PAGE; i++)
        to->page[i] = from->page[i];
    for (uint32_t k = 1; k <= from->pages && k < UPCASE_PAGES; k++)
        for (uint32_t i = 0; i < UPCASE_PAGE; i++)
            to->added[k][i] = from->added[k][i];
}
