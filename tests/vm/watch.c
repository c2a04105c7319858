/* watch DIR: watches directories in every way that there is. What is reported is printed as the set of changes, in order and
 * each once: how often the system says that a file was written is its own affair. */
#include <windows.h>
#include <winternl.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define NAMES (FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME)
#define PATH_UNITS 520
#define BUFFER 8192
#define LINES 64
#define SOON 5000 /* ms */
#define QUIET 300 /* ms without an event: no more will come */
#define KEY 4711

static wchar_t top[PATH_UNITS];
static char reported[LINES][PATH_UNITS];
static int report_count;

static const wchar_t *in(const wchar_t *name)
{
    static wchar_t paths[4][PATH_UNITS];
    static int turn;
    wchar_t *path = paths[turn++ % 4];
    swprintf(path, PATH_UNITS, *name ? L"%ls\\%ls" : L"%ls", top, name);
    return path;
}

static void result(const char *step, BOOL done)
{
    printf("%s: %lu\n", step, done ? 0 : GetLastError());
}

static HANDLE open_directory(const wchar_t *name, ACCESS_MASK access, DWORD flags)
{
    HANDLE file =
        CreateFileW(in(name), access, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | flags, NULL);
    if (file == INVALID_HANDLE_VALUE)
        printf("open %ls: error %lu\n", name, GetLastError());
    return file;
}

static void write_file(const wchar_t *name, DWORD disposition)
{
    DWORD written;
    HANDLE file = CreateFileW(in(name), GENERIC_WRITE, SHARE_ALL, NULL, disposition, 0, NULL);
    printf("write %ls: %d\n", name, file != INVALID_HANDLE_VALUE && WriteFile(file, "changed", 7, &written, NULL));
    CloseHandle(file);
}

/* ---- what was reported ---- */

static void remember(const char *line)
{
    for (int i = 0; i < report_count; i++)
        if (!strcmp(reported[i], line))
            return;
    if (report_count < LINES)
        strcpy(reported[report_count++], line);
}

static void remember_buffer(const uint8_t *buffer, DWORD bytes)
{
    const FILE_NOTIFY_INFORMATION *entry = (const FILE_NOTIFY_INFORMATION *)buffer;
    char line[PATH_UNITS];
    while (bytes) {
        snprintf(line, sizeof(line), "%lu %.*ls", entry->Action, (int)(entry->FileNameLength / sizeof(WCHAR)),
                 entry->FileName);
        remember(line);
        if (!entry->NextEntryOffset)
            break;
        entry = (const FILE_NOTIFY_INFORMATION *)((const uint8_t *)entry + entry->NextEntryOffset);
    }
}

static bool was_reported(const char *start)
{
    for (int i = 0; i < report_count; i++)
        if (!strncmp(reported[i], start, strlen(start)))
            return true;
    return false;
}

static void show_reports(void)
{
    for (int i = 0; i < report_count; i++)
        printf("  reported %s\n", reported[i]);
    report_count = 0;
}

/* ---- one watch that goes on ---- */

struct watch {
    HANDLE directory;
    OVERLAPPED overlapped;
    DWORD filter;
    BOOL subtree;
    uint8_t buffer[BUFFER];
};

static BOOL next(struct watch *w)
{
    return ReadDirectoryChangesW(w->directory, w->buffer, BUFFER, w->subtree, w->filter, NULL, &w->overlapped, NULL);
}

static void begin(struct watch *w, const wchar_t *name, DWORD filter, BOOL subtree)
{
    memset(w, 0, sizeof(*w));
    w->directory = open_directory(name, FILE_LIST_DIRECTORY, FILE_FLAG_OVERLAPPED);
    w->overlapped.hEvent = CreateEventW(NULL, FALSE, FALSE, NULL);
    w->filter = filter;
    w->subtree = subtree;
    result("watch", next(w));
}

/* Takes what is reported until nothing comes any more. */
static void collect(struct watch *w)
{
    DWORD bytes;
    for (DWORD wait = SOON; WaitForSingleObject(w->overlapped.hEvent, wait) == WAIT_OBJECT_0; wait = QUIET) {
        if (!GetOverlappedResult(w->directory, &w->overlapped, &bytes, FALSE)) {
            printf("  result: error %lu\n", GetLastError());
            return;
        }
        remember_buffer(w->buffer, bytes);
        if (!next(w)) {
            printf("  next: error %lu\n", GetLastError());
            return;
        }
    }
}

static void end(struct watch *w)
{
    DWORD bytes;
    result("cancel", CancelIo(w->directory));
    printf("wait: %lu\n", WaitForSingleObject(w->overlapped.hEvent, SOON));
    result("result of the cancelled", GetOverlappedResult(w->directory, &w->overlapped, &bytes, FALSE));
    CloseHandle(w->directory);
    CloseHandle(w->overlapped.hEvent);
}

/* ---- tests ---- */

static void own_files(struct watch *w)
{
    begin(w, L"", NAMES, FALSE);
    write_file(L"watched.txt", CREATE_NEW);
    collect(w);
    show_reports();
    result("rename", MoveFileW(in(L"watched.txt"), in(L"renamed.txt")));
    collect(w);
    show_reports();
    result("delete", DeleteFileW(in(L"renamed.txt")));
    collect(w);
    show_reports();
    result("mkdir", CreateDirectoryW(in(L"watched dir"), NULL));
    collect(w);
    show_reports();
    result("rmdir", RemoveDirectoryW(in(L"watched dir")));
    collect(w);
    show_reports();
    end(w);
}

static void host_files(struct watch *w)
{
    begin(w, L"", FILE_NOTIFY_CHANGE_LAST_WRITE | FILE_NOTIFY_CHANGE_SIZE, FALSE);
    write_file(L"readme.txt", OPEN_EXISTING);
    collect(w);
    show_reports();
    end(w);
    begin(w, L"", NAMES, FALSE);
    result("delete", DeleteFileW(in(L"empty")));
    collect(w);
    printf("  removed: %d\n", was_reported("2 empty"));
    report_count = 0;
    result("rename", MoveFileW(in(L"big.bin"), in(L"renamed.bin")));
    collect(w);
    printf("  old name: %d, new name: %d\n", was_reported("4 big.bin"), was_reported("5 renamed.bin"));
    report_count = 0;
    end(w);
}

/* What is reported of subdirectories is not compared: Wine 8 reports them only if it can watch them at once, and a VM reports
 * their mirroring, too. */
static void below(struct watch *w)
{
    write_file(L"sub\\deeper\\new.txt", CREATE_NEW);
    begin(w, L"sub\\deeper", NAMES, FALSE);
    result("delete", DeleteFileW(in(L"sub\\deeper\\new.txt")));
    collect(w);
    show_reports();
    end(w);
}

static void notification(const wchar_t *name)
{
    HANDLE watch = FindFirstChangeNotificationW(in(name), FALSE, NAMES);
    result("FindFirstChangeNotification", watch != INVALID_HANDLE_VALUE);
    printf("nothing yet: %lu\n", WaitForSingleObject(watch, QUIET));
    write_file(L"tree\\a\\notify.txt", CREATE_NEW);
    printf("wait: %lu\n", WaitForSingleObject(watch, SOON));
    result("FindNextChangeNotification", FindNextChangeNotification(watch));
    result("delete", DeleteFileW(in(L"tree\\a\\notify.txt")));
    printf("wait: %lu\n", WaitForSingleObject(watch, SOON));
    result("FindCloseChangeNotification", FindCloseChangeNotification(watch));
}

static void completion_port(struct watch *w)
{
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED *overlapped = NULL;
    memset(w, 0, sizeof(*w));
    w->directory = open_directory(L"tree\\b", FILE_LIST_DIRECTORY, FILE_FLAG_OVERLAPPED);
    w->filter = NAMES;
    HANDLE port = CreateIoCompletionPort(w->directory, NULL, KEY, 1);
    result("port", port != NULL);
    result("watch", next(w));
    write_file(L"tree\\b\\port.txt", CREATE_NEW);
    result("get", GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, SOON));
    printf("key %lu, overlapped %d\n", (unsigned long)key, overlapped == &w->overlapped);
    remember_buffer(w->buffer, bytes);
    show_reports();
    result("watch", next(w));
    result("cancel", CancelIoEx(w->directory, &w->overlapped));
    result("get", GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, SOON));
    result("nothing to cancel", CancelIoEx(w->directory, NULL));
    CloseHandle(w->directory);
    CloseHandle(port);
}

static DWORD routine_error = ~0u;

static void CALLBACK routine(DWORD error, DWORD bytes, OVERLAPPED *overlapped)
{
    routine_error = error;
    remember_buffer(((struct watch *)((uint8_t *)overlapped - offsetof(struct watch, overlapped)))->buffer, bytes);
}

static void completion_routine(struct watch *w)
{
    memset(w, 0, sizeof(*w));
    w->directory = open_directory(L"tree", FILE_LIST_DIRECTORY, FILE_FLAG_OVERLAPPED);
    result("watch",
           ReadDirectoryChangesW(w->directory, w->buffer, BUFFER, FALSE, NAMES, NULL, &w->overlapped, routine));
    write_file(L"tree\\routine.txt", CREATE_NEW);
    printf("sleep: %lu\n", SleepEx(SOON, TRUE));
    printf("routine: %lu\n", routine_error);
    show_reports();
    CloseHandle(w->directory);
}

/* ---- synchronous handles: the call does not return before something happens ---- */

struct blocked {
    HANDLE directory;
    uint8_t buffer[BUFFER];
    DWORD bytes, error;
};

static DWORD WINAPI watch_blocked(void *context)
{
    struct blocked *b = context;
    b->error = ReadDirectoryChangesW(b->directory, b->buffer, BUFFER, FALSE, NAMES, &b->bytes, NULL, NULL)
                   ? 0
                   : GetLastError();
    return 0;
}

static void synchronous(const wchar_t *name, const wchar_t *file, bool cancel)
{
    static struct blocked blocked;
    memset(&blocked, 0, sizeof(blocked));
    blocked.directory = open_directory(name, FILE_LIST_DIRECTORY, 0);
    HANDLE thread = CreateThread(NULL, 0, watch_blocked, &blocked, 0, NULL);
    printf("blocked: %lu\n", WaitForSingleObject(thread, QUIET));
    if (cancel)
        result("cancel", CancelIoEx(blocked.directory, NULL));
    else
        write_file(file, CREATE_NEW);
    /* which error a cancelled call has depends on who is faster */
    printf("ended: %lu, error %lu\n", WaitForSingleObject(thread, SOON), cancel ? 0 : blocked.error);
    if (!blocked.error)
        remember_buffer(blocked.buffer, blocked.bytes);
    show_reports();
    CloseHandle(thread);
    CloseHandle(blocked.directory);
}

static void refused(struct watch *w)
{
    memset(w, 0, sizeof(*w));
    w->directory = open_directory(L"", FILE_LIST_DIRECTORY, FILE_FLAG_OVERLAPPED);
    w->filter = 0;
    result("no filter", next(w));
    CloseHandle(w->directory);
    w->filter = NAMES;
    result("closed", next(w));
    w->directory = open_directory(L"", FILE_READ_ATTRIBUTES, FILE_FLAG_OVERLAPPED);
    result("no access", next(w));
    CloseHandle(w->directory);
    w->directory = open_directory(L"read-only.txt", GENERIC_READ, FILE_FLAG_OVERLAPPED);
    result("a file", next(w));
    CloseHandle(w->directory);
}

int wmain(int argc, wchar_t **argv)
{
    static struct watch watch;
    if (argc != 2)
        return 1;
    wcscpy(top, argv[1]);
    refused(&watch);
    synchronous(L"empty dir", L"empty dir\\blocked.txt", false);
    synchronous(L"sub\\empty", NULL, true);
    notification(L"tree\\a");
    completion_port(&watch);
    completion_routine(&watch);
    own_files(&watch);
    host_files(&watch);
    below(&watch);
    return 0;
}
