/* The commands of fvm.exe: one file each, one row each in the table of main.c. */
#ifndef FVM_CLI_COMMAND_H
#define FVM_CLI_COMMAND_H

#include "fvm.h"

#define EXIT_FVM 125        /* an error of FVM's own */
#define EXIT_CANNOT_RUN 126 /* the program cannot be run */
#define EXIT_NO_PROGRAM 127 /* the program is not there */

struct arguments {
    int count;
    wchar_t **value;       /* what stands behind the command's name */
    wchar_t *text;         /* the memory that the values lie in */
    const wchar_t **start; /* where each begins in the command line as it was given; the last is its end */
};

struct command {
    const wchar_t *name;
    const char *usage; /* behind "fvm NAME" */
    const char *summary;
    const char *help; /* what `fvm help NAME` says below the summary */
    int (*run)(const struct command *self, const struct arguments *arguments);
};

extern const struct command *const commands[]; /* ends with NULL */

extern const struct command command_run, command_create, command_ls, command_ps, command_stop, command_delete,
    command_diff, command_log, command_help, command_version;

/* Prints the error, and returns the exit code for it. */
int report_error(const struct fvm_error *error);
/* "cannot <operation> '<object>': <reason>; see 'fvm help <command>'"; returns EXIT_FVM. command may be NULL. */
int report_usage(const struct command *command, const wchar_t *operation, const wchar_t *object, const wchar_t *reason);
/* Opens the home; NULL after an error message. */
struct fvm_home *open_home(void);
/* The one name that a command takes. NULL after an error message. */
const wchar_t *only_name(const struct command *self, const struct arguments *arguments);

/* The whole of a command that does one thing to one VM. */
int run_on_vm(const struct command *self, const struct arguments *arguments,
              enum fvm_result (*action)(struct fvm_home *home, const wchar_t *name, struct fvm_error *error));

#endif
