/* A home and a VM on the disk: where its parts lie. */
#ifndef FVM_VM_VM_H
#define FVM_VM_VM_H

#include "base/str.h"
#include "fvm.h"
#include "layer/boot.h"
#include "nt/native.h"

#define VM_ID_UNITS 16u
#define VM_PART_UNITS 32u /* longest name in a VM's directory, with its backslash */

struct fvm_home {
    char16 path[VM_PATH_MAX]; /* canonical, as delta form: C\Users\u\AppData\Local\FVM */
    size_t path_len;
    char16 vms[VM_PATH_MAX]; /* NT path of the directory that holds the VMs */
    size_t vms_len;
    bool drive_names; /* the system names files by drive letter (Wine), not by device */
};

struct vm {
    struct fvm_home *home;
    char16 name[FVM_NAME_UNITS + 1];
    char16 root[VM_PATH_MAX]; /* NT path of the VM's directory, without a trailing backslash */
    size_t root_len;
    char16 id[VM_ID_UNITS + 1]; /* part of the names of its kernel objects */
    int64_t created;
};

struct str home_path(const struct fvm_home *home);
struct str home_vms(const struct fvm_home *home);
/* The canonical delta form of an existing or future file or directory: long names, one spelling a file. False when it
 * names no file. */
bool path_canonical(struct str dos, struct strbuf *delta);

/* Fills *vm without looking whether it exists; `operation` is for the error. Checks the name. */
enum fvm_result vm_name(struct vm *vm, struct fvm_home *home, const wchar_t *name, const char16 *operation,
                        struct fvm_error *error);
/* Opens an existing VM: its directory is there and its vm.ini is sound. */
enum fvm_result vm_open(struct vm *vm, struct fvm_home *home, const wchar_t *name, const char16 *operation,
                        struct fvm_error *error);
/* As vm_name, of a VM whose directory is there, whatever state it is in. */
enum fvm_result vm_find(struct vm *vm, struct fvm_home *home, const wchar_t *name, const char16 *operation,
                        struct fvm_error *error);
/* FVM_OK when its directory is there. */
enum fvm_result vm_exists(const struct vm *vm, const char16 *operation, struct fvm_error *error);
struct str vm_root(const struct vm *vm);
/* NT path of a part of the VM (u"vm.ini", u"files", u"delta.log", ...) in `out` (VM_PATH_MAX units). */
struct str vm_part(const struct vm *vm, const char16 *part, char16 out[VM_PATH_MAX]);
/* Local\FVM.<id>.<kind>[<number>], terminated */
#define VM_OBJECT_UNITS 64u
void vm_object(const struct vm *vm, const char16 *kind, const unsigned *number, char16 out[VM_OBJECT_UNITS]);
/* Removes what an interrupted create or delete left in the home. */
void home_clean(struct fvm_home *home);

/* vm.ini: [vm] version=1 created=<time>. Lines with ; or # are comments. */
size_t settings_text(char *out, size_t cap, int64_t created);
enum fvm_result settings_read(struct vm *vm, struct fvm_error *error);

#endif
