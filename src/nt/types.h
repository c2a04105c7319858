/* Native API types that mingw-w64's winternl.h does not declare, or declares only in part. Sources: phnt, the Windows
 * SDK/WDK documentation and Wine's public headers; each layout is checked by the VM tests that use it. */
#ifndef FVM_NT_TYPES_H
#define FVM_NT_TYPES_H

#define NT_CURRENT_PROCESS ((HANDLE)(LONG_PTR)-1)
#define NT_CURRENT_THREAD ((HANDLE)(LONG_PTR)-2)

/* Classes that winternl.h lacks; the number is the system's. */
enum {
    FileIdInformationClass = 59,
    FileIdExtdDirectoryInformationClass = 60,
    FileHardLinkFullIdInformationClass = 62,
    FileIdExtdBothDirectoryInformationClass = 63,
    FileDispositionInformationExClass = 64,
    FileRenameInformationExClass = 65,
    FileRenameInformationBypassClass = 66,
    FileStatInformationClass = 68,
    FileStatLxInformationClass = 70,
    FileCaseSensitiveInformationClass = 71,
    FileLinkInformationExClass = 72,
    FileStorageReserveIdInformationClass = 74
};

typedef struct {
    ULONG Flags;
} FILE_DISPOSITION_INFORMATION_EX;

/* The Ex class only gives the first member's other bits a meaning (Windows 10 1709). */
typedef struct {
    union {
        BOOLEAN ReplaceIfExists;
        ULONG Flags;
    };
    HANDLE RootDirectory;
    ULONG FileNameLength; /* bytes */
    WCHAR FileName[1];
} FVM_FILE_RENAME_INFORMATION;

#ifndef FILE_RENAME_REPLACE_IF_EXISTS
#define FILE_RENAME_REPLACE_IF_EXISTS 0x1u
#endif

typedef struct {
    ULONGLONG VolumeSerialNumber;
    BYTE FileId[16];
} FVM_FILE_ID_INFORMATION;

/* NtCreateUserProcess (Windows Vista). */
typedef struct {
    ULONG_PTR Attribute;
    SIZE_T Size;
    union {
        ULONG_PTR Value;
        PVOID ValuePtr;
    };
    PSIZE_T ReturnLength;
} FVM_PS_ATTRIBUTE;

typedef struct {
    SIZE_T TotalLength; /* bytes */
    FVM_PS_ATTRIBUTE Attributes[1];
} FVM_PS_ATTRIBUTE_LIST;

#define FVM_PS_ATTRIBUTE_PARENT_PROCESS 0x00060000u
#define FVM_PS_ATTRIBUTE_CLIENT_ID 0x00010003u
#define FVM_PS_ATTRIBUTE_IMAGE_NAME 0x00020005u
#define FVM_PS_ATTRIBUTE_JOB_LIST 0x00020013u

#define PROCESS_CREATE_FLAGS_BREAKAWAY_FLAG 0x00000001u
#define THREAD_CREATE_FLAGS_CREATE_SUSPENDED_FLAG 0x00000001u

typedef struct {
    UNICODE_STRING DosPath;
    HANDLE Handle;
} FVM_CURDIR;

/* Up to Environment; the same on Windows 7 to 11 and Wine. */
typedef struct {
    ULONG MaximumLength, Length, Flags, DebugFlags;
    HANDLE ConsoleHandle;
    ULONG ConsoleFlags;
    HANDLE StandardInput, StandardOutput, StandardError;
    FVM_CURDIR CurrentDirectory;
    UNICODE_STRING DllPath, ImagePathName, CommandLine;
    PVOID Environment;
} FVM_PROCESS_PARAMETERS;

/* The head of the PEB, the same on Windows 7 to 11 and Wine. */
typedef struct {
    BYTE Flags[4];
    PVOID Mutant;
    PVOID ImageBaseAddress;
    PVOID Ldr;
    FVM_PROCESS_PARAMETERS *ProcessParameters;
    PVOID SubSystemData;
    PVOID ProcessHeap;
} FVM_PEB;

typedef struct {
    NTSTATUS ExitStatus;
    FVM_PEB *PebBaseAddress;
    ULONG_PTR AffinityMask;
    LONG BasePriority;
    ULONG_PTR UniqueProcessId;
    ULONG_PTR InheritedFromUniqueProcessId;
} FVM_PROCESS_BASIC_INFORMATION;

typedef struct {
    BOOLEAN Inherit;
    BOOLEAN ProtectFromClose;
} FVM_HANDLE_FLAGS; /* ObjectHandleFlagInformation = 4 */
#define ObjectHandleFlagInformationClass 4
#define ObjectNameInformationClass 1
#define ObjectBasicInformationClass 0

typedef struct {
    ULONG Attributes;
    ACCESS_MASK GrantedAccess;
    ULONG HandleCount, PointerCount;
    ULONG Reserved[10];
} FVM_OBJECT_BASIC_INFORMATION;

typedef struct {
    UNICODE_STRING Name;
    WCHAR Buffer[1];
} FVM_OBJECT_NAME_INFORMATION;

/* Access to object directories and symbolic links (the WDK's; winternl.h lacks them). */
#define DIRECTORY_QUERY 0x1u
#define DIRECTORY_TRAVERSE 0x2u
#define DIRECTORY_CREATE_OBJECT 0x4u
#define DIRECTORY_CREATE_SUBDIRECTORY 0x8u
#define SYMBOLIC_LINK_QUERY 0x1u

/* NtQueryKey, NtEnumerateKey */
enum {
    KeyBasicInformationClass = 0,
    KeyNodeInformationClass = 1,
    KeyFullInformationClass = 2,
    KeyNameInformationClass = 3,
    KeyCachedInformationClass = 4
};

typedef struct {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG NameLength; /* bytes, as all that follow */
    WCHAR Name[1];
} FVM_KEY_BASIC_INFORMATION;

typedef struct {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG ClassOffset; /* from the start; 0xffffffff: none */
    ULONG ClassLength;
    ULONG NameLength;
    WCHAR Name[1];
} FVM_KEY_NODE_INFORMATION;

typedef struct {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG ClassOffset;
    ULONG ClassLength;
    ULONG SubKeys;
    ULONG MaxNameLen;
    ULONG MaxClassLen;
    ULONG Values;
    ULONG MaxValueNameLen;
    ULONG MaxValueDataLen;
    WCHAR Class[1];
} FVM_KEY_FULL_INFORMATION;

typedef struct {
    LARGE_INTEGER LastWriteTime;
    ULONG TitleIndex;
    ULONG SubKeys;
    ULONG MaxNameLen;
    ULONG Values;
    ULONG MaxValueNameLen;
    ULONG MaxValueDataLen;
    ULONG NameLength;
} FVM_KEY_CACHED_INFORMATION;

typedef struct {
    ULONG NameLength;
    WCHAR Name[1];
} FVM_KEY_NAME_INFORMATION;

/* NtQueryValueKey, NtEnumerateValueKey */
enum { KeyValueBasicInformationClass = 0, KeyValueFullInformationClass = 1, KeyValuePartialInformationClass = 2 };

typedef struct {
    ULONG TitleIndex;
    ULONG Type;
    ULONG DataOffset;
    ULONG DataLength;
    ULONG NameLength;
    WCHAR Name[1];
} FVM_KEY_VALUE_FULL_INFORMATION;

typedef struct {
    ULONG TitleIndex;
    ULONG Type;
    ULONG NameLength;
    WCHAR Name[1];
} FVM_KEY_VALUE_BASIC_INFORMATION;

typedef struct {
    ULONG TitleIndex, Type;
    ULONG DataLength;
    UCHAR Data[1];
} FVM_KEY_VALUE_PARTIAL_INFORMATION;

typedef LONG(NTAPI *FVM_VECTORED_HANDLER)(EXCEPTION_POINTERS *);

#endif
