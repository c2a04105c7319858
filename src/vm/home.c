/* Where VMs are kept: FVM_HOME, else %LOCALAPPDATA%\FVM, under one canonical name. */
#include "vm/vm.h"

#include "vm/error.h"
#include "vm/file.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_HOME u"open the home"
#define HOME_PREFIX_UNITS 4u /* \??\ */
#define VERBATIM_UNITS 4u    /* \\?\ */
#define DOS_ROOT_UNITS 3u    /* C:\ */
/* what a VM's name and the names in its directory take, at most */
#define HOME_UNITS (VM_PATH_MAX - FVM_NAME_UNITS - VM_PART_UNITS - HOME_PREFIX_UNITS - 8u)

static void *kernel32(const char *name)
{
    return (void *)GetProcAddress(GetModuleHandleA("kernel32"), name);
}

/* Wine has many drive letters for one file, Z: for all of them. Its own translation to the Unix name and back gives the
 * one letter that is nearest. A Unix path is accepted, too: that is how people on Wine write it. */
static bool wine_canonical(struct str dos, struct strbuf *out)
{
    char *(CDECL * to_unix)(const WCHAR *) = (char *(CDECL *)(const WCHAR *))kernel32("wine_get_unix_file_name");
    WCHAR *(CDECL * to_dos)(const char *) = (WCHAR * (CDECL *)(const char *)) kernel32("wine_get_dos_file_name");
    char *unix_name = NULL;
    WCHAR *dos_name = NULL;
    if (!to_unix || !to_dos)
        return false;
    if (dos.s[0] == u'/') {
        int size = WideCharToMultiByte(CP_UTF8, 0, dos.s, -1, NULL, 0, NULL, NULL);
        if ((unix_name = HeapAlloc(GetProcessHeap(), 0, (size_t)size)) != NULL)
            WideCharToMultiByte(CP_UTF8, 0, dos.s, -1, unix_name, size, NULL, NULL);
    } else {
        unix_name = to_unix(dos.s);
    }
    if (unix_name && (dos_name = to_dos(unix_name)) != NULL)
        buf_set(out, str_of(dos_name));
    HeapFree(GetProcessHeap(), 0, unix_name);
    HeapFree(GetProcessHeap(), 0, dos_name);
    return dos_name != NULL && buf_terminate(out);
}

static bool same_file(HANDLE a, HANDLE b)
{
    BY_HANDLE_FILE_INFORMATION one, two;
    return GetFileInformationByHandle(a, &one) && GetFileInformationByHandle(b, &two) &&
           one.nFileIndexLow == two.nFileIndexLow && one.nFileIndexHigh == two.nFileIndexHigh &&
           one.dwVolumeSerialNumber == two.dwVolumeSerialNumber;
}

static HANDLE open_existing(const WCHAR *dos)
{
    return CreateFileW(dos, 0, FILE_SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

/* Wine's name of an open file has its Unix links resolved, but no drive letter: `out` holds a name whose letter is tried
 * first, then the others. */
static bool wine_real(HANDLE file, struct strbuf *out)
{
    struct strbuf name;
    bool found = false;
    if (out->len < DOS_ROOT_UNITS || out->s[1] != u':' || !path_alloc(&name))
        return false;
    if (file_own_name(file, &name)) {
        struct str lexical = str_from(buf_str(out), 2);
        found = CompareStringOrdinal(lexical.s, (int)lexical.len, name.s, (int)name.len, TRUE) == CSTR_EQUAL;
    }
    DWORD drives = found || !name.len ? 0 : GetLogicalDrives(); /* Wine asks its server for each device */
    for (unsigned i = 0; drives >> i && !found && i < VM_DRIVES; i++) {
        HANDLE other = INVALID_HANDLE_VALUE;
        char16 drive[] = {(char16)(u'A' + i), u':', 0};
        buf_set(out, (struct str){drive, 2});
        buf_add(out, buf_str(&name));
        if ((drives >> i & 1) && buf_terminate(out))
            other = open_existing(out->s);
        found = other != INVALID_HANDLE_VALUE && same_file(file, other);
        if (other != INVALID_HANDLE_VALUE)
            CloseHandle(other);
    }
    path_free(&name);
    return found;
}

/* The final path of what exists: links followed, long names, a drive letter. Missing on NT 5.2. */
static bool system_real(HANDLE file, struct strbuf *out)
{
    DWORD(WINAPI * final_path)
    (HANDLE, LPWSTR, DWORD, DWORD) =
        (DWORD(WINAPI *)(HANDLE, LPWSTR, DWORD, DWORD))kernel32("GetFinalPathNameByHandleW");
    DWORD len = final_path ? final_path(file, out->s, (DWORD)out->cap, 0) : 0;
    if (len == 0 || len >= out->cap)
        return false;
    out->len = len;
    return true;
}

/* dos: terminated, absolute. False leaves what is in `out` undefined. */
static bool real_name(struct str dos, struct strbuf *out)
{
    HANDLE file = open_existing(dos.s);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    bool ok = wine_canonical(dos, out) ? wine_real(file, out) : system_real(file, out);
    CloseHandle(file);
    return ok;
}

bool path_canonical(struct str dos, struct strbuf *delta)
{
    struct strbuf full, final;
    bool ok = path_alloc(&full) && path_alloc(&final);
    if (!ok)
        goto done;
    if (dos.s[0] == u'/' && wine_canonical(dos, &final))
        buf_set(&full, buf_str(&final));
    else
        full.len = GetFullPathNameW(dos.s, (DWORD)full.cap, full.s, NULL);
    ok = full.len > 0 && full.len < full.cap && buf_terminate(&full);
    if (!ok)
        goto done;
    if (real_name(buf_str(&full), &final) || wine_canonical(buf_str(&full), &final))
        buf_set(&full, buf_str(&final));
    ok = path_delta_of_dos(buf_str(&full), delta);
done:
    path_free(&full);
    path_free(&final);
    return ok;
}

/* What exists of a path has one canonical name; what does not exist yet is added to it as it is written. */
static bool canonical_directory(struct str dos, struct strbuf *delta)
{
    char16 above[VM_PATH_MAX];
    struct strbuf b;
    size_t end = dos.len;
    while (end > 0 && (dos.s[end - 1] == u'\\' || dos.s[end - 1] == u'/'))
        end--;
    buf_init(&b, above, VM_PATH_MAX);
    buf_add(&b, str_head(dos, end));
    if (!buf_terminate(&b))
        return false;
    DWORD attributes = GetFileAttributesW(above);
    size_t cut = end;
    while (cut > 0 && dos.s[cut - 1] != u'\\' && dos.s[cut - 1] != u'/')
        cut--;
    if (attributes != INVALID_FILE_ATTRIBUTES || cut <= DOS_ROOT_UNITS)
        return path_canonical((struct str){above, b.len}, delta);
    if (!canonical_directory(str_head(dos, cut), delta))
        return false;
    path_add(delta, (struct str){dos.s + cut, end - cut});
    return !delta->overflow && path_valid(buf_str(delta));
}

static enum fvm_result set_paths(struct fvm_home *home, struct str dos, struct fvm_error *error)
{
    struct strbuf delta, vms;
    buf_init(&delta, home->path, HOME_UNITS);
    buf_init(&vms, home->vms, VM_PATH_MAX);
    /* \\?\C:\... : every path is used in that way here */
    if (dos.len > VERBATIM_UNITS + 1 && str_equal(str_head(dos, VERBATIM_UNITS), STR(u"\\\\?\\")) &&
        dos.s[VERBATIM_UNITS + 1] == u':')
        dos = str_from(dos, VERBATIM_UNITS);
    if (!canonical_directory(dos, &delta))
        return error_reason(error, FVM_FAILED, OPEN_HOME, dos, u"it is not a usable path or too long",
                            u"set FVM_HOME to a directory, such as C:\\FVM");
    home->path_len = delta.len;
    if (path_rest(buf_str(&delta)).len == 0)
        return error_reason(error, FVM_FAILED, OPEN_HOME, dos, u"it is the root of a drive",
                            u"set FVM_HOME to a directory of its own");
    path_nt_of_delta(buf_str(&delta), &vms);
    path_add(&vms, STR(u"vms"));
    home->vms_len = vms.len;
    return FVM_OK;
}

static bool environment_path(struct strbuf *out)
{
    DWORD len = GetEnvironmentVariableW(L"FVM_HOME", out->s, VM_PATH_MAX);
    if (len > 0 && len < VM_PATH_MAX) {
        out->len = len;
        return true;
    }
    len = GetEnvironmentVariableW(L"LOCALAPPDATA", out->s, VM_PATH_MAX);
    if (len == 0 || len >= VM_PATH_MAX)
        return false;
    out->len = len;
    path_add(out, STR(u"FVM"));
    return buf_terminate(out);
}

enum fvm_result fvm_home_open(const wchar_t *path, struct fvm_home **out, struct fvm_error *error)
{
    char16 memory[VM_PATH_MAX];
    struct strbuf dos;
    buf_init(&dos, memory, VM_PATH_MAX);
    *out = NULL;
    const char *missing = native_init();
    if (missing) {
        char16 name[64] = {0};
        for (size_t i = 0; missing[i] && i < 63; i++)
            name[i] = (char16)missing[i];
        return error_reason(error, FVM_FAILED, u"use the system's service", str_of(name), u"ntdll does not export it",
                            u"FVM needs Windows 10 or newer, or Wine 8 or newer");
    }
    if (path)
        buf_set(&dos, str_of(path));
    if ((path && !buf_terminate(&dos)) || (!path && !environment_path(&dos)))
        return error_reason(error, FVM_FAILED, OPEN_HOME, (struct str){0},
                            u"neither FVM_HOME nor LOCALAPPDATA is a usable path", u"set FVM_HOME to a directory");
    struct fvm_home *home = calloc(1, sizeof *home);
    if (!home)
        return error_memory(error, OPEN_HOME, buf_str(&dos));
    enum fvm_result result = set_paths(home, buf_str(&dos), error);
    if (result != FVM_OK) {
        free(home);
        return result;
    }
    home->drive_names = kernel32("wine_get_unix_file_name") != NULL;
    *out = home;
    return FVM_OK;
}

void fvm_home_close(struct fvm_home *home)
{
    free(home);
}

struct str home_path(const struct fvm_home *home)
{
    return (struct str){home->path, home->path_len};
}

struct str home_vms(const struct fvm_home *home)
{
    return (struct str){home->vms, home->vms_len};
}
