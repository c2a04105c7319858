/* The name space of kernel objects.
 *
 * A VM has a root directory of its own (src/vm/objects.c makes it), which looks like the system's: \BaseNamedObjects,
 * \Sessions\1\BaseNamedObjects with its links Local, Global and Session, \??. An absolute name is given to the system as a name
 * relative to that root, so that the system itself follows every spelling; a name relative to a handle needs nothing,
 * because the directories that a program in the VM gets handles of are already the VM's. What the VM shares with the system comes
 * after the VM's own: the directories that system.def lists, and the links in \??. */
#ifndef FVM_LAYER_OBJECTS_OBJECTS_H
#define FVM_LAYER_OBJECTS_OBJECTS_H

#include "layer/layer.h"

enum object_use { OBJECT_OPEN, OBJECT_CREATE, OBJECT_CREATE_LINK };

/* The longest name in a directory of the system, in UTF-16 units. */
#define SYSTEM_NAME_UNITS 260u

/* What the system gets instead of the program's attributes: copies, so that it is what was judged, whatever another thread writes. Only
 * the characters of a name that is relative (to a handle, to the VM's root) are the program's own: whatever they become, the name stays
 * below that directory, because a relative name that begins with a backslash is refused by the system. */
struct object_name {
    struct said said;
    bool own_root; /* what was an absolute name is now relative to the VM's root */
    char16 text[SYSTEM_NAME_UNITS];
};

/* Puts into *resolved what the system must get: NULL when the program gave none, else memory in *name. Bad names are left to the
 * system, also those that cannot be read: it gets a name that cannot either. Fails, with a line in the log, where the VM may not create. */
NTSTATUS object_resolve(const OBJECT_ATTRIBUTES *program, enum object_use use, struct object_name *name,
                        OBJECT_ATTRIBUTES **resolved);

/* Ends a call that came to `status`, and made or opened `made` for `at` (what object_resolve gave): gives it to the program. The handle that a
 * name is relative to may have become another one after it was looked at; so when `changes` is asked for, what was reached is looked at. */
NTSTATUS object_give(HANDLE *to, HANDLE made, const OBJECT_ATTRIBUTES *at, bool changes, NTSTATUS status);

/* An object that is made does not outlive its last handle: a permanent one would outlive the VM. To be called with a copy. Links in \??
 * may be permanent, as drive letters are; the outside removes them (src/vm/objects.c). */
void object_make_temporary(OBJECT_ATTRIBUTES *attributes);

/* Takes from *access what a VM must not do to the system's objects, when what is resolved to `at` (a copy) is one; what was asked for by name
 * (changing it, deleting it) is refused, with a line in the log. Of a directory, creating in it is judged when that is tried. */
NTSTATUS object_limit(const OBJECT_ATTRIBUTES *at, bool directory, ACCESS_MASK *access);
/* Logs that an object of the system is opened for less than was asked for; not when that was what is allowed, whatever it is. */
void object_log_less(ACCESS_MASK asked, bool directory, struct str name);

/* What the VM has not, and the system has for it. */
struct object_shared {
    struct said said;
    void *memory; /* a scratch block, to be given back */
};
/* After opening what the program calls so came to `status`: true, when the system is to be asked by the name in *shared. `link`: a
 * symbolic link itself is opened. */
bool object_shared(const OBJECT_ATTRIBUTES *program, NTSTATUS status, bool link, struct object_shared *shared);
/* Opening by name, with any of the system's services that open one type of objects: the VM's own, else what the system has for it. */
typedef __typeof__(nt.NtOpenEvent) object_service;
NTSTATUS object_open(object_service service, bool directory, HANDLE *handle, ACCESS_MASK access,
                     const OBJECT_ATTRIBUTES *attributes);
/* Whether the VM shares what it calls so (an absolute name that no link is in). */
bool object_is_shared(struct str own_name);
/* Whether the VM shares something that is right in the directory that it calls so. */
bool object_shares_in(struct str own_name);

/* The NT path of the VM's root directory. */
struct str object_root(void);
/* The name of an object as the VM sees it, when it is below the VM's root. */
bool object_show(struct str system_name, struct str *own);
/* The section and the lock, named FVM.<id>.x beside the VM's root; for the program they have no names. */
bool object_is_layers(struct str system_name);
/* Whether that is what a layer begins with: one of these two, or the VM's root. A file is not even asked for its name: on Windows that waits
 * while somebody reads from it, when it is a console or a pipe. */
bool object_is_first(HANDLE handle);
/* The absolute name, in `memory`, of what the program calls by a name relative to an object directory, with the links of the VM in
 * it followed (also for an absolute name: then the directory is NULL). STATUS_REPARSE: it is another one; STATUS_SUCCESS: there is
 * nothing to follow. A failure: where it leads cannot be told, so nothing may be opened by it; that is in the log. */
NTSTATUS object_follow(HANDLE directory, struct str program_name, char16 *memory, struct str *name);
/* A program is about to get this directory: notes that, if it is one of the system's. Fails, with a line in the log, when it is one that
 * programs of the host name their objects in. */
NTSTATUS object_directory_opened(HANDLE directory);

#endif
