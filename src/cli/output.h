/* Standard output and standard error: UTF-8 into files and pipes, Unicode onto a console. */
#ifndef FVM_CLI_OUTPUT_H
#define FVM_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

enum output { OUTPUT, ERRORS, OUTPUTS };

void put_text(enum output output, const char *utf8);
void put_wide(enum output output, const wchar_t *text); /* control characters are shown as \xNN */
void put_number(enum output output, uint64_t number);
void put_padding(enum output output, size_t written, size_t width); /* at least one space */
/* Bytes of unknown origin that should be UTF-8: shown as put_wide does, but lines stay lines. */
void put_foreign(enum output output, const char *bytes, size_t size);
/* Writes out what is buffered; false when something could not be written, ever. */
bool output_flush(void);

#endif
