/* What the test programs share: opening by the native API, and printing what can be compared between two runs. Never printed: what
 * differs by nature (the time now, ids, handles, addresses). */
#ifndef FVM_TESTS_SHOW_H
#define FVM_TESTS_SHOW_H

#include "nt/native.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define UNITS 4096 /* of a name in these programs */
#define RING 8     /* names that live at the same time */

static wchar_t top[UNITS]; /* the directory to work in, a Windows path */

static inline void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout); /* also for the steps before a crash */
}

static inline void say_section(const char *name)
{
    say("--- %s", name);
}

/* Call it first. */
static inline void begin(int argc, wchar_t **argv)
{
    if (argc < 2 || native_init()) {
        fprintf(stderr, "usage: PROGRAM DIRECTORY\n");
        exit(2);
    }
    wcsncpy(top, argv[1], UNITS - 1);
}

static inline const char *utf8_units(const wchar_t *text, size_t count)
{
    static char ring[RING][4 * UNITS];
    static unsigned next;
    char *out = ring[next++ % RING];
    int length = WideCharToMultiByte(CP_UTF8, 0, text, (int)count, out, 4 * UNITS - 1, NULL, NULL);
    out[length] = 0;
    return out;
}

static inline const char *utf8(const wchar_t *text)
{
    return utf8_units(text, wcslen(text));
}

static inline const wchar_t *joined(const wchar_t *first, const wchar_t *second)
{
    static wchar_t ring[RING][UNITS];
    static unsigned next;
    wchar_t *out = ring[next++ % RING];
    swprintf(out, UNITS, L"%ls%ls", first, second);
    return out;
}

/* A Windows path, or an NT path, below the directory to work in. */
static inline const wchar_t *at(const wchar_t *name)
{
    return joined(top, joined(L"\\", name));
}

static inline const wchar_t *nt_at(const wchar_t *name)
{
    return joined(L"\\??\\", at(name));
}

static inline UNICODE_STRING unicode(const wchar_t *text)
{
    USHORT bytes = (USHORT)(wcslen(text) * sizeof(wchar_t));
    return (UNICODE_STRING){bytes, bytes, (wchar_t *)text};
}

/* ---- opening ---- */

struct opening {
    HANDLE root;
    const wchar_t *name; /* NT path, or relative to root */
    ACCESS_MASK access;
    ULONG sharing, disposition, options, attributes; /* disposition: 0 is FILE_SUPERSEDE */
};

static inline NTSTATUS open_as(const struct opening *o, HANDLE *handle, ULONG_PTR *information)
{
    UNICODE_STRING name = unicode(o->name);
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK io = {.Information = 0xdead};
    *handle = NULL;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, o->root, NULL);
    NTSTATUS status = nt.NtCreateFile(handle, o->access | SYNCHRONIZE, &attributes, &io, NULL, o->attributes,
                                      o->sharing, o->disposition, o->options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    /* a 32-bit program of Wine gets what happens to be on the stack of wow64.dll when the service failed */
    if (information)
        *information = status < 0 && sizeof(void *) == 4 ? 0 : io.Information;
    return status;
}

/* Opens below the directory to work in; NULL when that fails. */
static inline HANDLE open_at(const wchar_t *name, ACCESS_MASK access, ULONG options)
{
    struct opening o = {NULL, nt_at(name), access, SHARE_ALL, FILE_OPEN, options, 0};
    HANDLE handle;
    return open_as(&o, &handle, NULL) < 0 ? NULL : handle;
}

static inline void close_handle(HANDLE handle)
{
    if (handle)
        nt.NtClose(handle);
}

/* ---- Win32 shorthands; each returns whether it worked ---- */

static inline BOOL put(const wchar_t *path, const char *text)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, SHARE_ALL, NULL, CREATE_ALWAYS, 0, NULL);
    DWORD written;
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = WriteFile(file, text, (DWORD)strlen(text), &written, NULL);
    return CloseHandle(file) && ok;
}

static inline BOOL append(const wchar_t *path, const char *text)
{
    HANDLE file = CreateFileW(path, FILE_APPEND_DATA, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    DWORD written;
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = WriteFile(file, text, (DWORD)strlen(text), &written, NULL);
    return CloseHandle(file) && ok;
}

/* "ok", or the number of the last error. */
static inline const char *worked(BOOL ok)
{
    static char ring[RING][32];
    static unsigned next;
    if (ok)
        return "ok";
    char *out = ring[next++ % RING];
    snprintf(out, 32, "error %lu", GetLastError());
    return out;
}

/* ---- showing ---- */

/* A time of the seed is shown by its second; everything later is "now". */
static inline const char *shown_time(LARGE_INTEGER time)
{
    static char ring[RING][32];
    static unsigned next;
    const LONGLONG year_2025 = 133801632000000000;
    char *out = ring[next++ % RING];
    if (time.QuadPart > year_2025)
        return "now";
    snprintf(out, 32, "%lld.%07lld", time.QuadPart / 10000000, time.QuadPart % 10000000);
    return out;
}

static inline void say_bytes(const char *label, const BYTE *data, size_t size)
{
    char text[4 * 80 + 1];
    size_t length = 0;
    for (size_t i = 0; i < size && i < 80; i++)
        length += (size_t)(data[i] >= ' ' && data[i] < 127 ? sprintf(text + length, "%c", data[i])
                                                           : sprintf(text + length, "\\x%02x", data[i]));
    text[length] = 0;
    say("%s%s", label, text);
}

/* Size, hash and first bytes of an open file, from its start. */
static inline void say_content(HANDLE file)
{
    static BYTE buffer[65536];
    BYTE head[48];
    size_t head_size = 0;
    unsigned long long total = 0, hash = 14695981039346656037ull;
    for (;;) {
        LARGE_INTEGER offset = {.QuadPart = (LONGLONG)total};
        IO_STATUS_BLOCK io = {0};
        NTSTATUS status = nt.NtReadFile(file, NULL, NULL, NULL, &io, buffer, sizeof(buffer), &offset, NULL);
        if (status == STATUS_END_OF_FILE || (status >= 0 && !io.Information))
            break;
        if (status < 0) {
            say("    read: %08lx", status);
            return;
        }
        if (!total) {
            head_size = io.Information < sizeof(head) ? io.Information : sizeof(head);
            memcpy(head, buffer, head_size);
        }
        for (size_t i = 0; i < io.Information; i++)
            hash = (hash ^ buffer[i]) * 1099511628211ull;
        total += io.Information;
    }
    printf("    %llu bytes %016llx ", total, hash);
    say_bytes("", head, head_size);
}

static inline void say_handle(HANDLE file)
{
    FILE_BASIC_INFORMATION basic;
    FILE_STANDARD_INFORMATION standard;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &basic, sizeof(basic), FileBasicInformation);
    NTSTATUS second = nt.NtQueryInformationFile(file, &io, &standard, sizeof(standard), FileStandardInformation);
    if (status < 0 || second < 0)
        say("    query: %08lx %08lx", status, second);
    else
        say("    attributes %lx size %lld links %lu pending %d directory %d write %s create %s", basic.FileAttributes,
            standard.EndOfFile.QuadPart, standard.NumberOfLinks, standard.DeletePending, standard.Directory,
            shown_time(basic.LastWriteTime), shown_time(basic.CreationTime));
}

/* Everything about a name, or the status of opening it. */
static inline void say_name(const wchar_t *nt_path)
{
    struct opening o = {NULL, nt_path, FILE_READ_DATA | FILE_READ_ATTRIBUTES, SHARE_ALL, FILE_OPEN, 0, 0};
    HANDLE file;
    NTSTATUS status = open_as(&o, &file, NULL);
    say("  %s: %08lx", utf8(nt_path), status);
    if (status < 0)
        return;
    FILE_STANDARD_INFORMATION standard = {0};
    IO_STATUS_BLOCK io;
    say_handle(file);
    nt.NtQueryInformationFile(file, &io, &standard, sizeof(standard), FileStandardInformation);
    if (!standard.Directory)
        say_content(file);
    nt.NtClose(file);
}

static inline void say_file(const wchar_t *name)
{
    say_name(nt_at(name));
}

static inline int compare_names(const void *a, const void *b)
{
    return wcscmp(*(wchar_t *const *)a, *(wchar_t *const *)b);
}

/* Everything below a directory (a Windows path), sorted. */
static inline void say_tree(const wchar_t *directory)
{
    enum { ENTRIES = 512 };
    wchar_t *names[ENTRIES], own[UNITS], pattern[UNITS];
    size_t count = 0;
    WIN32_FIND_DATAW found;
    wcsncpy(own, directory, UNITS - 1);
    swprintf(pattern, UNITS, L"%ls\\*", own);
    HANDLE find = FindFirstFileW(pattern, &found);
    if (find == INVALID_HANDLE_VALUE) {
        say("  %s: cannot be listed: %lu", utf8(own), GetLastError());
        return;
    }
    do {
        wchar_t line[UNITS];
        swprintf(line, UNITS, L"%ls\t%lx %lu", found.cFileName, found.dwFileAttributes, found.nFileSizeLow);
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0 && count < ENTRIES)
            names[count++] = _wcsdup(line);
    } while (FindNextFileW(find, &found));
    say("  %s: %zu entries, end %lu", utf8(own), count, GetLastError());
    FindClose(find);
    qsort(names, count, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < count; i++) {
        say("  = %s", utf8(names[i]));
        *wcschr(names[i], '\t') = 0;
        wchar_t path[UNITS];
        swprintf(path, UNITS, L"%ls\\%ls", own, names[i]);
        say_name(joined(L"\\??\\", path));
        DWORD attributes = GetFileAttributesW(path);
        if (attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY &&
            !(attributes & FILE_ATTRIBUTE_REPARSE_POINT))
            say_tree(path);
        free(names[i]);
    }
}

/* How a process ends, within that many milliseconds; closes its handles. */
static inline void say_end(const PROCESS_INFORMATION *process, DWORD timeout)
{
    DWORD code = 0xdead, wait = WaitForSingleObject(process->hProcess, timeout);
    GetExitCodeProcess(process->hProcess, &code);
    say("  wait %lu code %lu", wait, code);
    CloseHandle(process->hThread);
    CloseHandle(process->hProcess);
}

#endif
