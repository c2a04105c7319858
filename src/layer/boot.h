/* What the outside and the layer agree on: the memory a VM's processes share, and what each process is given.
 *
 * Everything here has the same layout in 32 and 64 bit: fixed-size integers, explicit padding, checked below. The
 * section is mapped for writing by the VM's programs, so the outside only ever writes it (when it starts a VM) and
 * never trusts a byte read back from it. */
#ifndef FVM_LAYER_BOOT_H
#define FVM_LAYER_BOOT_H

#include "base/str.h"
#include "delta/checked.h"

#define VM_SHARED_MAGIC 0x4d564631u
#define VM_SHARED_VERSION 8u
#define VM_PATH_MAX 1024u
#define VM_NAME_MAX 64u
#define VM_DRIVES 26u
#define VM_PROCESSES 4096u

struct shared_text {
    uint32_t len; /* UTF-16 units */
    char16 s[VM_PATH_MAX];
};

struct shared_range {
    uint64_t offset, size; /* bytes, from the start of the section */
};

/* A process of the VM. Written by whoever starts it; read by anybody in the VM. */
struct shared_process {
    _Atomic uint32_t pid; /* 0: nobody had this place yet */
    _Atomic uint32_t flags;
    int64_t create_time; /* tells a process from a later one with the same id */
    /* numbers of the handles that it keeps of the journals of files and keys, 0: not yet open. Written by the process itself */
    _Atomic uint32_t journal[2];
};

#define SHARED_PROCESS_CLAIMED UINT32_MAX /* as pid: being written */
#define SHARED_PROCESS_IN_JOB 1u          /* in a job besides the VM's */
#define SHARED_PROCESS_ENDED 2u           /* who has a handle may still ask; its place may be taken */

/* Takes a place that nobody had; all others are taken under the VM's lock. */
static inline bool shared_process_claim(struct shared_process *place)
{
    uint32_t nobody = 0;
    return !place->pid && atomic_compare_exchange_strong(&place->pid, &nobody, SHARED_PROCESS_CLAIMED);
}

static inline void shared_process_set(struct shared_process *place, uint32_t pid, int64_t create_time, uint32_t flags)
{
    place->pid = SHARED_PROCESS_CLAIMED;
    place->flags = flags;
    place->create_time = create_time;
    place->journal[0] = place->journal[1] = 0;
    place->pid = pid;
}

struct vm_shared {
    uint32_t magic; /* written last by the creator */
    uint32_t version;
    uint64_t size;                 /* of the whole section */
    struct shared_range map;       /* delta/map.h: of the files */
    struct shared_range keys;      /* the same of the registry keys */
    struct shared_range image;     /* the layer as a file (PE), pristine */
    struct shared_text name;       /* the VM's name */
    struct shared_text files_root; /* NT path of the delta tree, no trailing backslash: \??\C:\...\vms\x\files */
    struct shared_text home;       /* VM path (delta form) of FVM's own home: C\users\u\AppData\Local\FVM */
    struct shared_text journal;    /* NT path of delta.log */
    /* NT device of each drive letter, as the system names files there (\Device\HarddiskVolume3), empty: no such drive or
     * (Wine) the system already names files by drive letter */
    struct shared_text drive_device[VM_DRIVES];
    struct shared_process process[VM_PROCESSES];
    struct shared_text objects;  /* NT path of the VM's object directory: \Sessions\1\BaseNamedObjects\FVM.<id> */
    uint32_t system_directories; /* 1: a program of the VM has opened one of the system's object directories */
    uint32_t unused;
    struct shared_text key_journal; /* NT path of registry.log */
    struct shared_text events;      /* NT path of events.log */
    struct shared_text
        key_root; /* where the VM's keys are stored: User\S-1-5-...\Software\FVM\NAME-..., behind \REGISTRY\ */
    struct shared_text key_home; /* FVM's own key above it, which the VM must not see: User\S-1-5-...\Software\FVM */
    uint32_t key_renames;        /* counts renamed keys: the names of open handles must be asked for again */
    uint32_t drive_place
        [VM_DRIVES]; /* Wine: where each drive leads, found by the first process that asks (files/devices.c) */
    /* Which map is the current one of each: 0 is that in this section. Another is in a section of its own (layer/delta.c), of a
     * number that is used once; when there is no such section, the map must be made from the journal. */
    uint32_t files_number, keys_number;
    struct checked_names checked_files, checked_keys; /* of the host, by delta/map.h's lower paths */
    struct checked_names checked_single;              /* of a version: files/alias.c */
    /* name spaces that come later keep their own constants here */
};

/* What a process of a VM gets: handles, valid there and protected from close, and its own id. */
struct layer_boot {
    uint64_t section; /* vm_shared: SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_QUERY */
    uint64_t lock;    /* mutant: the VM's writer lock. Abandoned = the map must be rebuilt */
    uint64_t objects; /* the root of the VM's object names: to look in and to create in */
    uint64_t narrow;  /* 1: a 32-bit program on a 64-bit system */
    uint64_t pid; /* as the system told its creator: what the process has in its own memory, its program may change */
};
#define LAYER_BOOT_HANDLES 3u

_Static_assert(sizeof(struct shared_text) == 4 + 2 * VM_PATH_MAX, "same layout in 32 and 64 bit");
_Static_assert(sizeof(struct shared_range) == 16 && sizeof(struct shared_process) == 24,
               "same layout in 32 and 64 bit");
_Static_assert(offsetof(struct vm_shared, process) == 64 + (4 + VM_DRIVES) * sizeof(struct shared_text),
               "same layout in 32 and 64 bit: no padding");
_Static_assert(offsetof(struct vm_shared, checked_files) == offsetof(struct vm_shared, process) + 24 * VM_PROCESSES +
                                                                5 * sizeof(struct shared_text) + 20 + 4 * VM_DRIVES,
               "same layout in 32 and 64 bit: no padding");
_Static_assert(sizeof(struct vm_shared) % 8 == 0, "same layout in 32 and 64 bit");
_Static_assert(offsetof(struct layer_boot, narrow) == 8 * LAYER_BOOT_HANDLES, "handles, then what is none");

#endif
