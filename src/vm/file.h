/* The host's files by NT path (\??\C:\..., any length): what the VM's directory needs, and no way out of it. */
#ifndef FVM_VM_FILE_H
#define FVM_VM_FILE_H

#include "base/str.h"
#include "nt/native.h"

#ifndef STATUS_REPARSE_POINT_ENCOUNTERED
#define STATUS_REPARSE_POINT_ENCOUNTERED ((NTSTATUS)0xc000050b)
#endif

#define FILE_PATH_UNITS 32767u /* what a UNICODE_STRING can hold */
#define FILE_SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
/* For names that must not be followed anywhere else: the link itself is opened. */
#define FILE_SAFE_OPTIONS (FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT | FILE_OPEN_FOR_BACKUP_INTENT)

/* A path buffer of FILE_PATH_UNITS. path_free allows a zeroed one. */
bool path_alloc(struct strbuf *path);
void path_free(struct strbuf *path);
void path_add(struct strbuf *path, struct str component); /* with a backslash in between */

/* Opens `name` (relative to `at` unless that is NULL), synchronously, not case-sensitive. */
NTSTATUS file_open(HANDLE *file, HANDLE at, struct str name, ACCESS_MASK access, ULONG sharing, ULONG options);
/* The same; disposition: FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE_IF, ... */
NTSTATUS file_create(HANDLE *file, HANDLE at, struct str name, ACCESS_MASK access, ULONG sharing, ULONG disposition,
                     ULONG options);
NTSTATUS directory_create(HANDLE at, struct str name); /* STATUS_SUCCESS too when it is there already */
/* As above, with every missing directory above it. */
NTSTATUS directory_create_all(struct str path);
bool status_is_missing(NTSTATUS status); /* "no such name" in all its spellings */

NTSTATUS file_size(HANDLE file, uint64_t *size);
/* Reads a whole file (malloc; the caller frees); STATUS_FILE_TOO_LARGE above `limit` bytes. */
NTSTATUS file_read_all(HANDLE file, uint8_t **data, size_t *size, size_t limit);
NTSTATUS file_read_at(HANDLE file, uint64_t at, void *data, size_t size, size_t *got); /* *got < size at the end */
NTSTATUS file_write_at(HANDLE file, uint64_t at, const void *data, size_t size);
NTSTATUS file_append(HANDLE file, const void *data, size_t size); /* in one call: lines of several writers stay whole */
NTSTATUS file_truncate(HANDLE file, uint64_t size);
/* Relative to `at` unless that is NULL. `file` has DELETE access; fails when the name is taken. */
NTSTATUS file_rename(HANDLE file, HANDLE at, struct str name);
NTSTATUS file_attributes(HANDLE file, ULONG *attributes);

struct file_entry {
    struct str name; /* one component */
    ULONG attributes;
};
/* Visits the entries of a directory without "." and ".."; entries may be removed meanwhile. */
NTSTATUS directory_visit(HANDLE directory, bool (*visit)(void *context, const struct file_entry *entry), void *context);
/* Deletes the directory of this NT path with all that is below it; links are deleted, not followed. When something stays
 * because it cannot be deleted, *failed (FILE_PATH_UNITS, may be NULL) is the last such name and its status is returned. */
NTSTATUS tree_delete(struct str path, struct strbuf *failed);

/* Opens a name below the directory `root`, component by component, and passes through no link; STATUS_REPARSE_POINT_ENCOUNTERED
 * when one is in the way. The last component itself is opened as it is (a link as a link). */
NTSTATUS file_open_below(HANDLE *file, HANDLE root, struct str path, ACCESS_MASK access);

/* Whether the open file really is what lies at `path` below the directory `at` (NULL: path is its name on its volume).
 * On Wine a name may lead through a Unix link, which no open option stops at and no attribute tells of; but the file
 * knows where it is. True on Windows, where links are seen and not followed. */
bool file_has_name(HANDLE file, HANDLE at, struct str path);
/* Name on its volume, without the drive: \a\b. False when the system does not tell. */
bool file_own_name(HANDLE file, struct strbuf *name);

/* Between spellings. Delta form: C\a\b, UNC\server\share\b, unix\b (see base/str.h). */
bool path_delta_of_dos(struct str dos,
                       struct strbuf *delta); /* C:\a, \\server\share, \\?\...; false: not a file's name */
void path_nt_of_delta(struct str delta, struct strbuf *nt);   /* \??\C:\a\b */
void path_dos_of_delta(struct str delta, struct strbuf *dos); /* C:\a\b, as a program in the VM spells it */

#endif
