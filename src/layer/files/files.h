/* The file name space of a VM.
 *
 * Names. The VM path of a file is its name as the VM sees it, in the delta's form ("C\data\a.txt"). Its content lives at one of
 * two host paths: in the VM's storage (files_root + VM path) or at its lower (the host's own file). What a service gets
 * (a name in any spelling, or a handle) is decoded to a VM path (name.c), the VM path is resolved to where it lives (resolve.c),
 * what must be done first is done (copy_up.c), and then the system's own service is called on the real path. */
#ifndef FVM_LAYER_FILES_FILES_H
#define FVM_LAYER_FILES_FILES_H

#include "layer/layer.h"

#define PATH_UNITS 16384u /* UTF-16 units of one path buffer: half of what the system allows */
#define SYNCHRONOUS (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)

/* ---- name.c: from what the program says to VM paths, and back ---- */

enum name_kind {
    NAME_FILE,   /* a file or directory: path is its VM path */
    NAME_VOLUME, /* a drive itself (\??\C: without a backslash): path is the drive */
    NAME_OTHER   /* no file: a device, a pipe, ... */
};

struct file_name {
    enum name_kind kind;
    struct strbuf path;   /* VM path without stream; for NAME_OTHER the NT name */
    struct strbuf stream; /* ":stream:$DATA" or empty */
    bool trailing;        /* the name ended with a backslash: only a directory will do */
    bool linked;          /* the resolver followed a link */
    bool by_id;           /* path was found through a file id */
    ULONG attributes;     /* OBJ_* */
};

/* Memory of one resolved name, a scratch block. */
struct file_memory {
    char16 name[PATH_UNITS];
    char16 real[PATH_UNITS];
    char16 work[PATH_UNITS];
    char16 more[PATH_UNITS];
    char16 stream[512];
};
_Static_assert(sizeof(struct file_memory) <= SCRATCH_SIZE, "one scratch block");

/* The same, with what the program calls the file. */
struct said_file {
    struct file_memory files;
    struct said said;
    char16 text[SAID_UNITS];
};
_Static_assert(sizeof(struct said_file) <= SCRATCH_SIZE, "one scratch block");

/* An empty name whose path and stream are in `memory`. */
struct file_name name_on(struct file_memory *memory);
/* Decodes object attributes, a copy of the program's whose name is outside memory->real and ->more. NAME_OTHER also when the root directory is
 * no file. */
NTSTATUS name_decode(const OBJECT_ATTRIBUTES *attributes, ULONG options, struct file_memory *memory,
                     struct file_name *name);
/* The same; a root that is no file is replaced by a handle of our own, *kept, to be closed: its number in the program may come to be another
 * handle's, before the system is asked with it. */
NTSTATUS name_decode_kept(OBJECT_ATTRIBUTES *attributes, ULONG options, struct file_memory *memory,
                          struct file_name *name, HANDLE *kept);
/* Closes *kept, or NULL. */
void name_let_go(HANDLE kept);
/* Decodes an absolute NT name. */
NTSTATUS name_decode_absolute(struct str nt_name, struct file_name *name);
/* The VM path of an open file or directory; in_storage tells which of the two it has open. False when it is no file. */
bool name_of_handle(HANDLE handle, struct strbuf *vm_path, bool *in_storage);
/* Whether a name that the system gave for a file, of whatever form, is surely the VM's too; asks nobody. */
bool name_is_same(struct str system_name);
/* As name_of_handle, but true only when the VM path is not the name that the system has for the handle. */
bool name_differs(HANDLE handle, struct strbuf *vm_path, bool *in_storage);
/* The host path (delta form) an open file really has. */
bool host_name_of_handle(HANDLE handle, struct strbuf *host_path);
/* The NT path of a host path in delta form (\??\C:\x). */
void name_host(struct str path, struct strbuf *nt_path);
/* The NT path of a VM path's storage. */
void name_storage(struct str vm_path, struct strbuf *nt_path);

/* query.c: the VM's form of an NT name that the system gave (for a file that is in storage or was renamed), in the system's style,
 * terminated, in memory->more. False when the name needs no change. */
bool name_show(struct str system_name, struct file_memory *memory, struct strbuf *out);
/* Answers a query whose result is a UNICODE_STRING with its terminated characters behind it; *needed, in bytes, is always
 * set. */
NTSTATUS name_put(void *information, SIZE_T length, struct str name, SIZE_T *needed);

/* ---- resolve.c: from a VM path to where it lives ---- */

/* Resolves name->path in place (links and other spellings are replaced by the canonical VM path) and says where it
 * lives. Pointers in place go into the shared map: use them before anything is changed. */
NTSTATUS file_resolve(struct file_name *name, struct file_memory *memory, struct map_place *place);
/* The same for a file that the layer is to open and read for the program. What is no file of the program's (a pipe of a machine, a device,
 * FVM's own) is refused, with a line in the log. */
NTSTATUS file_resolve_to_read(struct file_name *name, struct file_memory *memory, struct map_place *place);
/* Opens a directory of the host, with `access` and SYNCHRONIZE. */
bool file_open_directory(struct str nt_path, ACCESS_MASK access, HANDLE *handle);
/* NT path of what a read of the name opens, into `real`; from_storage: it is the storage's. */
void file_real_path(const struct file_name *name, const struct map_place *place, bool data, struct strbuf *real);
/* The id that the system has for an open file; 0: none that it tells. */
uint64_t file_id_of(HANDLE file);
/* Opens what is in storage at the name, with SYNCHRONIZE too; uses memory->real. */
NTSTATUS file_open_stored(const struct file_name *name, struct file_memory *memory, ACCESS_MASK access, ULONG options,
                          HANDLE *handle);
/* NT path of the name's lower (place->has_lower). */
void file_lower_path(const struct file_name *name, const struct map_place *place, struct strbuf *nt_path);

/* ---- copy_up.c: making a name the VM's own ---- */

enum copy_what {
    COPY_META, /* attributes and times, no content (a file); a directory: itself, without what is in it */
    COPY_ALL   /* content, streams, EAs and security too; a directory: as COPY_META */
};

/* [locked] Deletes what the copy of a process that died left in storage at a name that does not exist in the VM. */
void file_remove_leftover(const struct file_name *name);
/* Makes sure the name, which has a lower that exists, is in storage. */
NTSTATUS file_copy_up(struct file_name *name, struct file_memory *memory, enum copy_what what);
/* [locked] Mirrors the directories above the name into storage. STATUS_OBJECT_PATH_NOT_FOUND when one does not exist in the VM. */
NTSTATUS file_mirror_parents(const struct file_name *name);
/* ---- alias.c: several names of one file of the host: hard links, links to single files ---- */

/* `file` has the name's lower open, by the NT path `lower`. Whether the VM changed that file by another of its names: then the name was brought into the VM,
 * or found to be a link, and is to be resolved again. */
bool file_alias(HANDLE file, struct str lower, struct file_name *name, struct file_memory *memory);
/* The same for a file that is not open. */
bool file_alias_of(struct file_name *name, struct file_memory *memory, const struct map_place *place);
/* A record of a class that lists more than names, from the host's directory: what it says of a file that the VM changed by another name
 * is corrected. False when the entry is a link that leads nowhere any more. */
bool file_alias_entry(struct str directory, struct str entry, uint8_t *record);
/* Changes with each file that the VM copied. */
uint64_t file_originals_version(void);
/* [locked] The lower is another spelling of something else: that is remembered, and the name is to be resolved again. */
bool file_is_link(HANDLE lower, const struct file_name *name, struct file_memory *memory,
                  const struct map_place *place);
/* [locked] Puts the copy of a file that was copied by another of its names to the VM path. STATUS_OBJECT_NAME_NOT_FOUND when there
 * is none. */
NTSTATUS partner_join(HANDLE lower, const struct map_origin *origin, struct str vm_path);
/* [locked] Keeps the copy `own` of a file that has `links` names for those that the VM has not met. */
NTSTATUS partner_keep(HANDLE own, HANDLE lower, const struct map_origin *origin, ULONG links);

/* rename.c: the system's service for renaming or linking an open file to an NT path; flags: FILE_RENAME_*. */
NTSTATUS file_set_name(HANDLE file, IO_STATUS_BLOCK *io, ULONG flags, struct str nt_path, FILE_INFORMATION_CLASS class);

/* [locked] Journals and maps a node. origin may be NULL. */
NTSTATUS file_record(struct str path, enum map_kind kind, struct str lower, const struct map_origin *origin);

#endif
