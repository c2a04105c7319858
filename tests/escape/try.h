/* What the escape tests share: each thing tried is reported by one line.
 *
 * An escape may work: nothing outside the machine's own directory may be written, made or deleted, only opened for it.
 * Never run these programs without a VM. */
#ifndef FVM_TESTS_TRY_H
#define FVM_TESTS_TRY_H

#include "../harness/show.h"

/* Reports a technique; it must not have worked. */
static inline void report(BOOL escaped, const char *format, ...)
{
    char text[4 * UNITS];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    say("%s: %s", escaped ? "ESCAPED" : "blocked", text);
}

/* Whether the name can be opened at all, by an NT path. */
static inline BOOL opens(const wchar_t *name, ACCESS_MASK access, ULONG options)
{
    struct opening o = {NULL, name, access, SHARE_ALL, FILE_OPEN, options, 0};
    HANDLE file;
    if (open_as(&o, &file, NULL) < 0)
        return FALSE;
    close_handle(file);
    return TRUE;
}

/* Whether a handle of the name can be had that may read, or write, content; nothing is written. */
static inline BOOL grants(const wchar_t *name, ACCESS_MASK access)
{
    struct opening o = {NULL, name, access, SHARE_ALL, FILE_OPEN, 0, 0};
    FVM_OBJECT_BASIC_INFORMATION basic = {0};
    HANDLE file;
    if (open_as(&o, &file, NULL) < 0)
        return FALSE;
    nt.NtQueryObject(file, (OBJECT_INFORMATION_CLASS)ObjectBasicInformationClass, &basic, sizeof(basic), NULL);
    close_handle(file);
    return basic.GrantedAccess & (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE);
}

/* Whether the file holds the text, by an NT path. */
static inline BOOL holds(const wchar_t *name, const char *text)
{
    struct opening o = {NULL, name, FILE_READ_DATA, SHARE_ALL, FILE_OPEN, FILE_NON_DIRECTORY_FILE, 0};
    char buffer[256];
    IO_STATUS_BLOCK io = {0};
    HANDLE file;
    LARGE_INTEGER start = {.QuadPart = 0};
    if (open_as(&o, &file, NULL) < 0)
        return FALSE;
    NTSTATUS status = nt.NtReadFile(file, NULL, NULL, NULL, &io, buffer, sizeof(buffer) - 1, &start, NULL);
    close_handle(file);
    if (status < 0)
        return FALSE;
    buffer[io.Information] = 0;
    return strstr(buffer, text) != NULL;
}

/* Writes to, makes, or truncates the name, by an NT path; whether that was let. */
static inline BOOL writes(const wchar_t *name, ULONG disposition, const char *text)
{
    struct opening o = {NULL, name, GENERIC_WRITE, SHARE_ALL, disposition, FILE_NON_DIRECTORY_FILE, 0};
    HANDLE file;
    IO_STATUS_BLOCK io;
    LARGE_INTEGER start = {.QuadPart = 0};
    if (open_as(&o, &file, NULL) < 0)
        return FALSE;
    nt.NtWriteFile(file, NULL, NULL, NULL, &io, text, (ULONG)strlen(text), &start, NULL);
    close_handle(file);
    return TRUE;
}

/* The Unix path of a Windows path, in Wine's \??\\unix form; empty on Windows. */
static inline const wchar_t *unix_name(const wchar_t *dos)
{
    static wchar_t out[UNITS];
    char *(CDECL * unix_file_name)(const wchar_t *) =
        (void *)GetProcAddress(GetModuleHandleW(L"kernel32"), "wine_get_unix_file_name");
    char *path = unix_file_name ? unix_file_name(dos) : NULL;
    out[0] = 0;
    char *link = path ? strstr(path, "/dosdevices/c:") : NULL;
    if (link)
        swprintf(out, UNITS, L"\\??\\unix%.*hs/drive_c%hs", (int)(link - path), path, link + strlen("/dosdevices/c:"));
    return out;
}

#endif
