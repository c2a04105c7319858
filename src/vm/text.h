/* Text for people and for the event log: numbers, times, and UTF-8 that is safe to show. */
#ifndef FVM_VM_TEXT_H
#define FVM_VM_TEXT_H

#include "base/str.h"

void text_add_number(struct strbuf *b, uint64_t number);
void text_add_time(struct strbuf *b, int64_t time); /* 2026-11-22T02:10:11.123Z */
/* The reverse; false when s is no such time. */
bool text_parse_time(struct str s, int64_t *time);

/* UTF-8 of s. Whatever would act on a terminal or mislead a reader (control characters, changes of writing direction,
 * halves of surrogate pairs) becomes \xNN for each of its bytes. Returns the number of bytes; what does not fit whole
 * is left out. UTF-8 takes at most TEXT_UTF8_MAX bytes a unit. */
#define TEXT_UTF8_MAX 12u
size_t text_utf8(struct str s, char *out, size_t cap);
/* The same for bytes that should be UTF-8 already; line ends and tabs stay. *used: bytes of `bytes` consumed; fewer than
 * size when they end in the middle of a character or `out` is full. */
size_t text_clean(const char *bytes, size_t size, size_t *used, char *out, size_t cap);

#endif
