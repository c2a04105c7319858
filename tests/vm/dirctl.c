/* dirctl DIR: lists directories in every way that there is, before and after they are changed. */
#include <windows.h>
#include <winternl.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

NTSTATUS NTAPI NtQueryDirectoryFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io,
                                    void *information, ULONG length, FILE_INFORMATION_CLASS class, BOOLEAN single,
                                    UNICODE_STRING *mask, BOOLEAN restart);

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define PATH_UNITS 520
#define BUFFER 65536
#define STATUS_OVERFLOW 0x80000005u
#define MANY 700
#define THREADS 4

/* Where a class keeps the name, and which of the other members it has. */
static const struct class
{
    const char *name;
    int number;
    ULONG name_at, name_length_at, id_at, short_at;
} classes[] = {
    {"directory", 1, 64, 60, 0, 0},   {"full", 2, 68, 60, 0, 0},
    {"both", 3, 94, 60, 0, 68},       {"names", 12, 12, 8, 0, 0},
    {"id-both", 37, 104, 60, 96, 68}, {"id-full", 38, 80, 60, 72, 0},
    {"id-extd", 60, 88, 60, 72, 0},   {"id-extd-both", 63, 114, 60, 72, 88},
};
static const struct class *const both = &classes[2], *const names = &classes[3], *const id_both = &classes[4];

static wchar_t top[PATH_UNITS];

static const wchar_t *in(const wchar_t *name)
{
    static wchar_t paths[4][PATH_UNITS];
    static int turn;
    wchar_t *path = paths[turn++ % 4];
    swprintf(path, PATH_UNITS, *name ? L"%ls\\%ls" : L"%ls", top, name);
    return path;
}

static void put(const void *units, ULONG bytes)
{
    const uint8_t *at = units;
    for (ULONG i = 0; i + 1 < bytes; i += 2) {
        unsigned c = at[i] | at[i + 1] << 8;
        printf(c >= ' ' && c < 127 ? "%c" : "\\u%04x", c);
    }
}

static void result(const char *step, const wchar_t *name, BOOL done)
{
    printf("%s %ls: %lu\n", step, name, done ? 0 : GetLastError());
}

/* ---- changes ---- */

static void write_file(const wchar_t *name, DWORD disposition, const char *text)
{
    DWORD written;
    HANDLE file = CreateFileW(in(name), GENERIC_WRITE, SHARE_ALL, NULL, disposition, 0, NULL);
    result("write", name, file != INVALID_HANDLE_VALUE && WriteFile(file, text, (DWORD)strlen(text), &written, NULL));
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
}

static void rename_file(const wchar_t *from, const wchar_t *to)
{
    result("rename", from, MoveFileExW(in(from), in(to), MOVEFILE_REPLACE_EXISTING));
}

/* ---- listing ---- */

static HANDLE open_directory(const wchar_t *name, ACCESS_MASK access)
{
    HANDLE file =
        CreateFileW(in(name), access | SYNCHRONIZE, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (file == INVALID_HANDLE_VALUE)
        printf("open %ls: error %lu\n", name, GetLastError());
    return file;
}

static ULONG at32(const uint8_t *record, ULONG at)
{
    ULONG value;
    memcpy(&value, record + at, sizeof(value));
    return value;
}

static void show_record(const struct class *class, const uint8_t *record, ULONG room)
{
    ULONG bytes = at32(record, class->name_length_at);
    printf("  next %lu index %lu name %lu ", at32(record, 0), at32(record, 4), bytes);
    put(record + class->name_at, bytes < room - class->name_at ? bytes : room - class->name_at);
    if (class != names) {
        ULONG attributes = at32(record, 56);
        printf(" attributes 0x%lx", attributes);
        if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
            printf(" size %lu", at32(record, 40));
    }
    if (class->short_at && record[class->short_at]) {
        printf(" short ");
        put(record + class->short_at + 2, record[class->short_at]);
    }
    printf("\n");
}

static NTSTATUS query(HANDLE directory, const struct class *class, void *buffer, ULONG length, bool single,
                      const wchar_t *mask, bool restart, IO_STATUS_BLOCK *io)
{
    UNICODE_STRING string;
    if (mask)
        RtlInitUnicodeString(&string, mask);
    memset(io, 0, sizeof(*io));
    memset(buffer, 0, length);
    return NtQueryDirectoryFile(directory, NULL, NULL, NULL, io, buffer, length, (FILE_INFORMATION_CLASS) class->number,
                                single, mask ? &string : NULL, restart);
}

/* One scan with buffers of `length` bytes, to the end and once more. */
static void scan_handle(HANDLE directory, const struct class *class, ULONG length, bool single, const wchar_t *mask)
{
    static uint8_t buffer[BUFFER];
    bool restart = true;
    printf("scan %s length %lu single %d mask %ls\n", class->name, length, single, mask ? mask : L"-");
    for (int after_end = 0; after_end < 2; restart = false) {
        IO_STATUS_BLOCK io;
        NTSTATUS status = query(directory, class, buffer, length, single, mask, restart, &io);
        printf(" 0x%08lx, information %lu\n", status, (ULONG)io.Information);
        after_end += status && (ULONG)status != STATUS_OVERFLOW;
        if (io.Information)
            for (uint8_t *record = buffer;; record += at32(record, 0)) {
                show_record(class, record, length - (ULONG)(record - buffer));
                if (!at32(record, 0))
                    break;
            }
    }
}

static void scan(const wchar_t *name, const struct class *class, ULONG length, bool single, const wchar_t *mask)
{
    HANDLE directory = open_directory(name, FILE_LIST_DIRECTORY);
    printf("-- %ls\n", name);
    if (directory != INVALID_HANDLE_VALUE) {
        scan_handle(directory, class, length, single, mask);
        CloseHandle(directory);
    }
}

static void scan_in_every_way(const wchar_t *name)
{
    static const wchar_t *const masks[] = {L"*",      L"*.txt", L"r*",        L"README.TXT", L"?e*",
                                           L"*.TXT.", L"<.txt", L"no such *", L"*~*",        L"renamed.txt"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        scan(name, &classes[i], BUFFER, false, NULL);
        scan(name, &classes[i], 300, false, NULL);
        scan(name, &classes[i], classes[i].name_at + 10, true, L"r*");
    }
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
        scan(name, both, BUFFER, false, masks[i]);
    scan(name, id_both, BUFFER, true, NULL);
}

static void find(const wchar_t *pattern)
{
    WIN32_FIND_DATAW data;
    HANDLE search = FindFirstFileW(in(pattern), &data);
    printf("find %ls:", pattern);
    if (search == INVALID_HANDLE_VALUE) {
        printf(" error %lu\n", GetLastError());
        return;
    }
    do {
        printf(" ");
        put(data.cFileName, (ULONG)(wcslen(data.cFileName) * sizeof(wchar_t)));
    } while (FindNextFileW(search, &data));
    printf(" end %lu\n", GetLastError());
    FindClose(search);
}

static void find_all(void)
{
    find(L"*");
    find(L"*.*");
    find(L"*.txt");
    find(L"readme.*");
    find(L"new*");
    find(L"empty");
    find(L"sub\\*");
    find(L"sub\\deeper\\*");
    find(L"tree\\*");
    find(L"link-to-sub\\*");
    find(L"no such directory\\*");
}

/* ---- what is refused ---- */

static void refused(const wchar_t *name)
{
    static uint8_t buffer[1024];
    IO_STATUS_BLOCK io;
    static const struct class bad = {.name = "bad", .number = FileStandardInformation, .name_at = 64};
    HANDLE directory = open_directory(name, FILE_LIST_DIRECTORY), blind = open_directory(name, FILE_READ_ATTRIBUTES);
    HANDLE file = CreateFileW(in(L"big.bin"), GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    printf("too short: 0x%08lx\n", query(directory, both, buffer, 94, false, NULL, true, &io));
    printf("just long enough: 0x%08lx\n", query(directory, both, buffer, 96, false, NULL, true, &io));
    printf("bad class: 0x%08lx\n", query(directory, &bad, buffer, sizeof(buffer), false, NULL, true, &io));
    printf("no buffer: 0x%08lx\n", NtQueryDirectoryFile(directory, NULL, NULL, NULL, &io, NULL, 4096,
                                                        (FILE_INFORMATION_CLASS)both->number, FALSE, NULL, TRUE));
    printf("no access: 0x%08lx\n", query(blind, both, buffer, sizeof(buffer), false, NULL, true, &io));
    printf("a file: 0x%08lx\n", query(file, both, buffer, sizeof(buffer), false, NULL, true, &io));
    CloseHandle(file);
    CloseHandle(blind);
    CloseHandle(directory);
    printf("closed: 0x%08lx\n", query(directory, both, buffer, sizeof(buffer), false, NULL, true, &io));
}

/* ---- scans that cross each other, or changes ---- */

/* The class changes within a scan; a second handle of the same directory has a position of its own. */
static void interleaved(const wchar_t *name)
{
    static uint8_t buffer[1024];
    HANDLE a = open_directory(name, FILE_LIST_DIRECTORY), b = open_directory(name, FILE_LIST_DIRECTORY);
    printf("interleaved %ls\n", name);
    for (int i = 0; i < 8; i++) {
        IO_STATUS_BLOCK io;
        const struct class *class = &classes[i % 6];
        NTSTATUS status = query(a, class, buffer, sizeof(buffer), true, NULL, false, &io);
        printf(" a 0x%08lx\n", status);
        if (!status)
            show_record(class, buffer, sizeof(buffer));
        status = query(i % 2 ? a : b, class, buffer, sizeof(buffer), true, NULL, i == 5, &io);
        printf(" %c 0x%08lx\n", i % 2 ? 'a' : 'b', status);
        if (!status)
            show_record(class, buffer, sizeof(buffer));
    }
    CloseHandle(a);
    CloseHandle(b);
}

/* The identity in a listing is that of the file when it is opened. */
static void identities(const wchar_t *name)
{
    static uint8_t buffer[BUFFER];
    IO_STATUS_BLOCK io;
    HANDLE directory = open_directory(name, FILE_LIST_DIRECTORY);
    printf("identities in %ls: 0x%08lx\n", name,
           query(directory, id_both, buffer, sizeof(buffer), false, NULL, true, &io));
    for (uint8_t *record = buffer; io.Information; record += at32(record, 0)) {
        wchar_t leaf[PATH_UNITS] = {0}, path[PATH_UNITS];
        memcpy(leaf, record + id_both->name_at, at32(record, id_both->name_length_at));
        swprintf(path, PATH_UNITS, *name ? L"%ls\\%ls" : L"%ls%ls", name, leaf);
        BY_HANDLE_FILE_INFORMATION information = {0};
        HANDLE file = open_directory(path, FILE_READ_ATTRIBUTES);
        GetFileInformationByHandle(file, &information);
        CloseHandle(file);
        bool same = at32(record, id_both->id_at) == information.nFileIndexLow &&
                    at32(record, id_both->id_at + 4) == information.nFileIndexHigh;
        printf(" ");
        put(leaf, (ULONG)(wcslen(leaf) * sizeof(wchar_t)));
        printf(" %s\n", same ? "same" : "differs");
        if (!at32(record, 0))
            break;
    }
    CloseHandle(directory);
}

/* Deletes what it finds, as every "delete a tree" does. */
static void delete_while_listing(const wchar_t *name)
{
    WIN32_FIND_DATAW data;
    wchar_t pattern[PATH_UNITS], path[PATH_UNITS];
    int deleted = 0, failed = 0;
    swprintf(pattern, PATH_UNITS, L"%ls\\*", name);
    HANDLE search = FindFirstFileW(in(pattern), &data);
    do {
        if (data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            continue;
        swprintf(path, PATH_UNITS, L"%ls\\%ls", name, data.cFileName);
        if (DeleteFileW(in(path)))
            deleted++;
        else
            failed++;
    } while (FindNextFileW(search, &data));
    FindClose(search);
    printf("delete in %ls: deleted %d failed %d\n", name, deleted, failed);
    find(pattern);
}

static void many(void)
{
    wchar_t name[PATH_UNITS];
    result("mkdir", L"many", CreateDirectoryW(in(L"many"), NULL));
    for (int i = 0; i < MANY; i++) {
        swprintf(name, PATH_UNITS, L"many\\file number %d with a name that fills the buffers sooner.txt",
                 i * 7919 % MANY);
        HANDLE file = CreateFileW(in(name), GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
        CloseHandle(file);
    }
    scan(L"many", id_both, 4096, false, L"*1*");
    delete_while_listing(L"many");
    result("rmdir", L"many", RemoveDirectoryW(in(L"many")));
}

struct crowd {
    HANDLE directory;
    volatile LONG found;
};

static DWORD WINAPI take_entries(void *context)
{
    struct crowd *crowd = context;
    uint8_t buffer[1024];
    IO_STATUS_BLOCK io;
    while (!query(crowd->directory, both, buffer, sizeof(buffer), true, NULL, false, &io))
        InterlockedIncrement(&crowd->found);
    return 0;
}

/* Threads that share a handle get every entry once. */
static void shared_handle(const wchar_t *name)
{
    struct crowd crowd = {.directory = open_directory(name, FILE_LIST_DIRECTORY)};
    HANDLE threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = CreateThread(NULL, 0, take_entries, &crowd, 0, NULL);
    WaitForMultipleObjects(THREADS, threads, TRUE, INFINITE);
    for (int i = 0; i < THREADS; i++)
        CloseHandle(threads[i]);
    CloseHandle(crowd.directory);
    printf("shared handle of %ls: %ld entries\n", name, crowd.found);
}

static DWORD WINAPI open_and_close(void *context)
{
    uint8_t buffer[1024];
    for (int i = 0; i < 100; i++) {
        IO_STATUS_BLOCK io;
        HANDLE directory = CreateFileW(context, FILE_LIST_DIRECTORY | SYNCHRONIZE, SHARE_ALL, NULL, OPEN_EXISTING,
                                       FILE_FLAG_BACKUP_SEMANTICS, NULL);
        if (query(directory, both, buffer, sizeof(buffer), true, NULL, true, &io))
            return 1;
        CloseHandle(directory);
    }
    return 0;
}

static void crowd_of_handles(const wchar_t *name)
{
    HANDLE threads[THREADS];
    DWORD code, failed = 0;
    wchar_t path[PATH_UNITS];
    wcscpy(path, in(name));
    for (int i = 0; i < THREADS; i++)
        threads[i] = CreateThread(NULL, 0, open_and_close, path, 0, NULL);
    for (int i = 0; i < THREADS; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        GetExitCodeThread(threads[i], &code);
        failed += code;
        CloseHandle(threads[i]);
    }
    printf("crowd of handles of %ls: %lu failed\n", name, failed);
}

static void change_everything(void)
{
    write_file(L"new.txt", CREATE_NEW, "new");
    write_file(L"Zulu.txt", CREATE_NEW, "");
    write_file(L"~first", CREATE_NEW, "tilde");
    write_file(L".dot", CREATE_NEW, "dot");
    write_file(L"\x00e4hnlich.txt", CREATE_NEW, "umlaut");
    write_file(L"README.TXT", OPEN_EXISTING, "HELLO");
    write_file(L"big.bin", TRUNCATE_EXISTING, "small");
    result("delete", L"empty", DeleteFileW(in(L"empty")));
    result("attributes", L"name with spaces.txt",
           SetFileAttributesW(in(L"name with spaces.txt"), FILE_ATTRIBUTE_READONLY));
    rename_file(L"MixedCase.TXT", L"renamed.txt");
    result("mkdir", L"new dir", CreateDirectoryW(in(L"new dir"), NULL));
    result("rmdir", L"empty dir", RemoveDirectoryW(in(L"empty dir")));
    result("rmdir", L"sub", RemoveDirectoryW(in(L"sub")));
    write_file(L"sub\\deeper\\new.txt", CREATE_NEW, "new");
    result("delete", L"sub\\one.txt", DeleteFileW(in(L"sub\\one.txt")));
    rename_file(L"tree", L"moved tree");
}

static void change_subdirectories(void)
{
    scan(L"moved tree", both, BUFFER, false, NULL);
    scan(L"moved tree\\a", both, BUFFER, false, NULL);
    write_file(L"moved tree\\a\\3.dat", CREATE_NEW, "a3");
    write_file(L"moved tree\\a\\1.dat", OPEN_EXISTING, "changed");
    result("delete", L"moved tree\\a\\2.dat", DeleteFileW(in(L"moved tree\\a\\2.dat")));
    scan(L"moved tree\\a", id_both, BUFFER, false, NULL);
    identities(L"moved tree\\a");
    result("mkdir", L"tree", CreateDirectoryW(in(L"tree"), NULL));
    scan(L"tree", both, BUFFER, false, NULL);
    rename_file(L"moved tree\\b", L"tree\\b");
    scan(L"tree", both, BUFFER, false, NULL);
    scan(L"tree\\b", both, BUFFER, false, NULL);
    scan(L"moved tree", both, BUFFER, false, NULL);
    identities(L"tree");
    result("rmdir", L"tree\\b", RemoveDirectoryW(in(L"tree\\b")));
    delete_while_listing(L"tree\\b");
    result("rmdir", L"tree\\b", RemoveDirectoryW(in(L"tree\\b")));
    result("rmdir", L"tree", RemoveDirectoryW(in(L"tree")));
    write_file(L"empty", CREATE_NEW, "again");
    result("delete", L"new.txt", DeleteFileW(in(L"new.txt")));
}

/* A handle that gets the number of another one, which was used, by a real handle of this process. */
static void number_of_another(void)
{
    BYTE buffer[512];
    IO_STATUS_BLOCK io;
    HANDLE self = OpenProcess(PROCESS_DUP_HANDLE, FALSE, GetCurrentProcessId()), made = NULL;
    result("make", L"another", CreateDirectoryW(in(L"another"), NULL));
    write_file(L"another\\one.txt", CREATE_NEW, "one");
    HANDLE second = open_directory(L"another", FILE_LIST_DIRECTORY), first = open_directory(L"", FILE_LIST_DIRECTORY);
    query(first, both, buffer, sizeof(buffer), true, NULL, true, &io);
    CloseHandle(first);
    for (int i = 0; i < THREADS * 100 && made != first; i++)
        DuplicateHandle(GetCurrentProcess(), second, self, &made, 0, FALSE, DUPLICATE_SAME_ACCESS);
    printf("number of another: %d\n", made == first);
    for (NTSTATUS status = 0; status >= 0;) {
        status = query(made, both, buffer, sizeof(buffer), true, NULL, false, &io);
        printf("  %08lx\n", status);
        if (status >= 0)
            show_record(both, buffer, sizeof(buffer));
    }
}

int wmain(int argc, wchar_t **argv)
{
    if (argc != 2)
        return 1;
    wcscpy(top, argv[1]);
    scan_in_every_way(L"");
    find_all();
    refused(L"");
    interleaved(L"");
    shared_handle(L"");
    HANDLE before = open_directory(L"", FILE_LIST_DIRECTORY);
    change_everything();
    printf("opened before\n");
    scan_handle(before, both, BUFFER, false, NULL);
    CloseHandle(before);
    scan_in_every_way(L"");
    find_all();
    refused(L"");
    interleaved(L"");
    shared_handle(L"");
    crowd_of_handles(L"");
    identities(L"");
    number_of_another();
    change_subdirectories();
    find_all();
    many();
    scan(L"", both, BUFFER, false, NULL);
    return 0;
}
