/* Random changes of registry keys, the same for the same number whatever the root, and what is then there.
 *   trip seed KEY COUNT          makes the trees KEY\0, KEY\1 ... below HKCU
 *   trip change KEY COUNT        changes each of them, and says what came of every operation
 *   trip rename KEY NAME         renames a key below HKCU
 *   trip show KEY                shows all keys and values, names in small letters */
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 6
#define OPERATIONS 250
#define COUNT(list) (sizeof(list) / sizeof *(list))

static const wchar_t *const names[] = {L"a",    L"b",   L"Cc",  L"cC",       L"x",     L"_z",
                                       L"\xe9", L"a b", L"a]b", L"q\"q [-r", L"m=n,o", L"a long name of a key"};
static const wchar_t *const values[] = {L"", L"v", L"V", L"w\\\"", L"@", L"1=2", L"\xe9", L"; x"};
static const DWORD types[] = {REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_BINARY, REG_DWORD, REG_QWORD, REG_NONE, 0x1234};

static uint64_t state;
static HKEY top, slots[SLOTS];

static unsigned below(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % limit);
}

static void restart(unsigned number)
{
    state = 88172645463325252u + number * 7654321u;
    for (int i = 0; i < 20; i++)
        below(2);
}

static const wchar_t *any_path(wchar_t *path)
{
    path[0] = 0;
    for (unsigned left = 1 + below(3); left; left--) {
        wcscat(path, names[below(COUNT(names))]);
        wcscat(path, left > 1 ? L"\\" : L"");
    }
    return path;
}

static long set_any(HKEY key)
{
    BYTE data[64] = {0};
    DWORD type = types[below(COUNT(types))], size = below(30), kind = below(3);
    const wchar_t *value = values[below(COUNT(values))];
    for (DWORD i = 0; i < size; i++)
        data[i] = (BYTE)(kind == 0 ? (int)i * 37 : i % 2 ? 0 : "ab\"\\;,\t["[(i / 2 + kind) % 8]);
    if (type == REG_SZ || type == REG_EXPAND_SZ ||
        type == REG_MULTI_SZ) { /* with its end: programs that import add it */
        size = size / 2 * 2 + 2;
        data[size - 2] = data[size - 1] = 0;
    }
    return RegSetValueExW(key, value, 0, type, data, size);
}

/* Wine 8's server does not survive it when a key is given a name that sorts next to its own. */
static BOOL may_rename(HKEY parent, const wchar_t *from, const wchar_t *to)
{
    wchar_t name[64];
    int before_from = 0, before_to = 0;
    DWORD length = COUNT(name);
    for (DWORD i = 0; !RegEnumKeyExW(parent, i, name, &length, NULL, NULL, NULL, NULL); i++, length = COUNT(name)) {
        before_from += _wcsicmp(name, from) < 0;
        before_to += _wcsicmp(name, to) < 0;
    }
    return before_to < before_from || before_to > before_from + 1;
}

static long rename_any(void)
{
    wchar_t path[128];
    const wchar_t *from = names[below(COUNT(names))], *to = names[below(COUNT(names))];
    HKEY parent, key;
    BOOL nested = below(2);
    if (RegOpenKeyExW(top, nested ? any_path(path) : L"", 0, KEY_ALL_ACCESS, &parent))
        return -1;
    long error = may_rename(parent, from, to) ? RegOpenKeyExW(parent, from, 0, KEY_ALL_ACCESS, &key) : -2;
    if (!error) {
        error = RegRenameKey(key, NULL, to);
        RegCloseKey(key);
    }
    RegCloseKey(parent);
    return error;
}

static long create_any(HKEY *slot)
{
    wchar_t path[128];
    HKEY made, root = below(2) && slots[0] ? slots[0] : top;
    long error = RegCreateKeyExW(root, any_path(path), 0, NULL, 0, KEY_ALL_ACCESS, NULL, &made, NULL);
    if (error)
        return error;
    RegCloseKey(*slot);
    *slot = made;
    return 0;
}

static long operate(unsigned what, HKEY *slot)
{
    wchar_t path[128];
    DWORD subkeys, count;
    if (what < 4)
        return create_any(slot);
    if (what < 6)
        return rename_any();
    if (what == 6)
        return RegDeleteTreeW(top, any_path(path));
    if (what == 7)
        return RegDeleteKeyW(top, any_path(path));
    if (!*slot)
        return -1;
    if (what < 12)
        return set_any(*slot);
    if (what == 12)
        return RegDeleteValueW(*slot, values[below(COUNT(values))]);
    if (what == 13)
        return RegDeleteKeyW(*slot, L"");
    long error = RegQueryInfoKeyW(*slot, NULL, NULL, NULL, &subkeys, NULL, NULL, &count, NULL, NULL, NULL, NULL);
    return error ? error : (long)(1000 + 100 * subkeys + count);
}

static void close_slots(void)
{
    for (int i = 0; i < SLOTS; i++) {
        RegCloseKey(slots[i]);
        slots[i] = NULL;
    }
}

static void change(unsigned number)
{
    restart(number);
    for (int i = 0; i < OPERATIONS; i++) {
        unsigned what = below(15), slot = below(SLOTS);
        long error = operate(what, &slots[slot]);
        printf("%u.%d: %u of %u: %ld\n", number, i, what, slot, error);
        if (error == ERROR_KEY_DELETED) {
            RegCloseKey(slots[slot]);
            slots[slot] = NULL;
        }
    }
    close_slots();
}

static void seed(unsigned number)
{
    restart(1000 + number);
    for (int i = 0; i < 40; i++) {
        create_any(&slots[0]);
        for (unsigned left = below(4); left; left--)
            set_any(slots[0]);
        if (below(3) == 0) {
            RegCloseKey(slots[0]);
            slots[0] = NULL;
        }
    }
    close_slots();
}

static const char *shown(wchar_t *name)
{
    static char text[512];
    WideCharToMultiByte(CP_UTF8, 0, _wcslwr(name), -1, text, sizeof text, NULL, NULL);
    return text;
}

static void show(HKEY key, int depth)
{
    wchar_t name[128];
    BYTE data[64];
    HKEY subkey;
    DWORD length = COUNT(name), size = sizeof data, type;
    for (DWORD i = 0; !RegEnumValueW(key, i, name, &length, NULL, &type, data, &size); i++) {
        printf("%*s: %s %lx", depth, "", shown(name), type);
        for (DWORD at = 0; at < size; at++)
            printf(" %02x", data[at]);
        printf("\n");
        length = COUNT(name);
        size = sizeof data;
    }
    for (DWORD i = 0; !RegEnumKeyW(key, i, name, COUNT(name)); i++) {
        long error = RegOpenKeyExW(key, name, 0, KEY_READ, &subkey);
        printf("%*s%s %ld\n", depth, "", shown(name), error);
        if (!error)
            show(subkey, depth + 1);
        RegCloseKey(error ? NULL : subkey);
    }
}

int wmain(int argc, wchar_t **argv)
{
    HKEY root;
    if (argc < 3 || RegCreateKeyW(HKEY_CURRENT_USER, argv[2], &root))
        return 2;
    for (unsigned i = 0; argc > 3 && i < (unsigned)_wtoi(argv[3]); i++) {
        wchar_t number[12];
        if (RegCreateKeyW(root, _ultow(i, number, 10), &top))
            return 1;
        (wcscmp(argv[1], L"seed") ? change : seed)(i);
        RegCloseKey(top);
    }
    if (!wcscmp(argv[1], L"rename"))
        return RegRenameKey(root, NULL, argv[3]);
    if (!wcscmp(argv[1], L"show"))
        show(root, 0);
    return 0;
}
