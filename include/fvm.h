/* libfvm: feather-weight virtual machines for Windows programs. The whole public interface; `fvm` is one of its users.
 *
 * A VM shares files with the host and keeps what its programs change in its own directory, HOME\vms\NAME.
 *
 * Conventions. Strings are UTF-16 and end with a 0; the caller keeps what it passes, and what a callback gets is valid
 * only during the call. Times are in units of 100 ns since 1601-01-01 UTC. A callback returns false to stop early; that
 * is no error. Every function that can fail returns an fvm_result and, when it is not FVM_OK, fills *error (never NULL)
 * with one line for the user. One home may be used by one thread at a time; several processes may use the same home. */
#ifndef FVM_H
#define FVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FVM_NAME_UNITS 64u /* longest name of a VM, UTF-16 units, without the 0 */
#define FVM_ERROR_UNITS 2048u

enum fvm_result {
    FVM_OK,
    FVM_FAILED,         /* the system or FVM could not do it */
    FVM_NO_SUCH_VM,     /* the VM does not exist */
    FVM_CANNOT_RUN,     /* the program exists and cannot be run in a VM */
    FVM_NO_SUCH_PROGRAM /* the program was not found, as the VM sees it */
};

struct fvm_error {
    enum fvm_result result;
    uint32_t status;               /* the system's NTSTATUS, 0 when the reason is FVM's own */
    wchar_t text[FVM_ERROR_UNITS]; /* "cannot <operation> '<object>': <reason>; <way out>" */
};

struct fvm_home; /* where VMs are kept */

/* Opens the home at `path` (a Windows path; on Wine also a Unix path), or, when it is NULL, the one that the environment
 * names: FVM_HOME, else %LOCALAPPDATA%\FVM. The directory need not exist yet. Close with fvm_home_close. */
enum fvm_result fvm_home_open(const wchar_t *path, struct fvm_home **home, struct fvm_error *error);
void fvm_home_close(struct fvm_home *home); /* NULL is allowed */

/* A name is 1 to 64 of A-Z a-z 0-9 . _ -, begins with neither '.' nor '-', does not end with '.', and is no DOS device
 * (CON, NUL, COM1, ...). Names differ only if they differ in more than the case of letters. */
bool fvm_name_valid(const wchar_t *name);

/* Makes an empty VM. It exists completely or not at all. */
enum fvm_result fvm_create(struct fvm_home *home, const wchar_t *name, struct fvm_error *error);
/* The same under a name that is free, such as quiet-otter-17, which is put into `name`. */
enum fvm_result fvm_create_any(struct fvm_home *home, wchar_t name[FVM_NAME_UNITS + 1], struct fvm_error *error);
/* FVM_OK when the VM exists, FVM_NO_SUCH_VM when not. */
enum fvm_result fvm_exists(struct fvm_home *home, const wchar_t *name, struct fvm_error *error);

struct fvm_vm {
    const wchar_t *name;
    int64_t created;
    uint32_t processes; /* running in it now */
};
/* Visits every VM, in the order of the names. */
enum fvm_result fvm_list(struct fvm_home *home, bool (*visit)(void *context, const struct fvm_vm *vm), void *context,
                         struct fvm_error *error);

struct fvm_process {
    uint32_t pid;
    const wchar_t *program; /* path as the VM sees it; empty when the system does not tell */
};
/* Visits the processes that run in the VM. */
enum fvm_result fvm_processes(struct fvm_home *home, const wchar_t *name,
                              bool (*visit)(void *context, const struct fvm_process *process), void *context,
                              struct fvm_error *error);

/* Ends every process of the VM at once, with exit code FVM_EXIT_STOPPED, and waits until they are gone. *stopped = how
 * many there were; it is no error if there were none. */
#define FVM_EXIT_STOPPED 143u
enum fvm_result fvm_stop(struct fvm_home *home, const wchar_t *name, uint32_t *stopped, struct fvm_error *error);

/* Removes the VM and what its programs wrote. Refuses while something runs in it. Never follows a link out of it. */
enum fvm_result fvm_delete(struct fvm_home *home, const wchar_t *name, struct fvm_error *error);

enum fvm_change_kind { FVM_ADDED, FVM_MODIFIED, FVM_DELETED, FVM_RENAMED };
struct fvm_change {
    enum fvm_change_kind kind;
    bool directory;
    const wchar_t *path; /* as the VM sees it: C:\a\b, \\server\share\b */
    const wchar_t *from; /* FVM_RENAMED: the former path; else NULL */
};
/* Visits what the VM changed compared to the host as it is now, in the order of the paths, a directory before what is
 * in it. Works while the VM runs. */
enum fvm_result fvm_diff(struct fvm_home *home, const wchar_t *name,
                         bool (*visit)(void *context, const struct fvm_change *change), void *context,
                         struct fvm_error *error);

/* One change of the registry. */
struct fvm_key_change {
    enum fvm_change_kind kind; /* FVM_ADDED, FVM_MODIFIED or FVM_DELETED */
    const wchar_t *key;        /* as the VM sees it: HKEY_LOCAL_MACHINE\Software\a. May hold any character but a 0 */
    /* Name of a value ("": the default value). NULL: the key itself, of which FVM_MODIFIED means its discretionary access list. */
    const wchar_t *value;
    uint32_t type; /* REG_...; the data as the VM has it now, unless the value was deleted */
    const void *data;
    size_t size; /* bytes */
    /* A registration file cannot hold it: permissions, a name with a 0 in it (which is U+2400 here), a value of more than 64 MiB
     * (which has no data here, and counts as modified if the host has one of that name). */
    bool inexpressible;
};
/* Visits what the VM changed in the registry compared to the host as it is now, in the order of the keys: a key before its
 * values and before the keys in it. Of an added key all values and keys are visited; of a deleted one only itself. Works while
 * the VM runs. */
enum fvm_result fvm_diff_keys(struct fvm_home *home, const wchar_t *name,
                              bool (*visit)(void *context, const struct fvm_key_change *change), void *context,
                              struct fvm_error *error);
/* Writes the same as a registration file (version 5.00, UTF-16), which `reg import` and regedit take, to the file at
 * `path`, which is replaced. *left_out: how many changes it cannot express: inexpressible ones, links, names with control characters. */
enum fvm_result fvm_diff_reg(struct fvm_home *home, const wchar_t *name, const wchar_t *path, uint32_t *left_out,
                             struct fvm_error *error);

/* Passes the VM's event log on, a piece at a time. The bytes were written by the VM's programs: UTF-8 and printable only
 * as far as they behaved. */
enum fvm_result fvm_log(struct fvm_home *home, const wchar_t *name,
                        bool (*visit)(void *context, const char *bytes, size_t size), void *context,
                        struct fvm_error *error);

/* Runs a program in the VM with this process's standard handles, console, environment and current directory, and waits
 * until it and everything that it started have ended. When this process dies, they are ended.
 * command_line: the program's whole command line; its first word (quoted if it has spaces) says which program, searched
 * for in the VM's view: current directory, system directories, PATH, with the endings in PATHEXT.
 * *exit_code: the program's own. `notice` (may be NULL) gets lines for the user that are no errors. */
enum fvm_result fvm_run(struct fvm_home *home, const wchar_t *name, const wchar_t *command_line, uint32_t *exit_code,
                        void (*notice)(const wchar_t *text), struct fvm_error *error);

#ifdef __cplusplus
}
#endif

#endif
