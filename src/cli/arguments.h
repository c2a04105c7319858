/* The command line, split as the C runtime does it, but in UTF-16 and remembering where each argument began. */
#ifndef FVM_CLI_ARGUMENTS_H
#define FVM_CLI_ARGUMENTS_H

#include "cli/command.h"

/* False without memory. Never freed: it lives as long as the process. */
bool arguments_parse(const wchar_t *command_line, struct arguments *arguments);

#endif
