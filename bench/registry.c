/* What registry calls cost: registry.exe TURNS prints a line for each, "NAME MICROSECONDS", the median of the turns.
 *   registry.exe seed    makes the keys that are measured: HKCU\Software\Bench\{Plain,Many,Written}
 *   registry.exe add     adds one subkey to Many */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBKEYS 5000
#define OPENS 2000

static double now(void)
{
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (double)count.QuadPart * 1e6 / (double)frequency.QuadPart;
}

static HKEY key(const char *name, REGSAM access)
{
    HKEY made;
    if (RegCreateKeyExA(HKEY_CURRENT_USER, name, 0, NULL, 0, access, NULL, &made, NULL))
        exit(1);
    return made;
}

static void seed(void)
{
    char name[64];
    DWORD one = 1;
    HKEY plain = key("Software\\Bench\\Plain", KEY_ALL_ACCESS);
    RegSetValueExA(plain, "value", 0, REG_DWORD, (BYTE *)&one, sizeof one);
    RegCloseKey(plain);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < SUBKEYS; i++) {
            sprintf(name, "Software\\Bench\\%s\\subkey%05d", k ? "Written" : "Many", i * 7 % SUBKEYS);
            RegCloseKey(key(name, KEY_READ));
        }
}

/* open + query + close, microseconds each */
static double open_query_close(void)
{
    double start = now();
    for (int i = 0; i < OPENS; i++) {
        HKEY plain;
        DWORD value, size = sizeof value;
        if (RegOpenKeyExA(HKEY_CURRENT_USER, "Software\\Bench\\Plain", 0, KEY_READ, &plain) ||
            RegQueryValueExA(plain, "value", NULL, NULL, (BYTE *)&value, &size))
            exit(1);
        RegCloseKey(plain);
    }
    return (now() - start) / OPENS;
}

static double enumerate(void)
{
    HKEY many = key("Software\\Bench\\Many", KEY_READ);
    double start = now();
    DWORD count = 0;
    for (;; count++) {
        char name[256];
        DWORD length = sizeof name;
        if (RegEnumKeyExA(many, count, name, &length, NULL, NULL, NULL, NULL))
            break;
    }
    double taken = now() - start;
    RegCloseKey(many);
    if (count < SUBKEYS)
        exit(1);
    return taken;
}

/* The first write to a key that this VM has not written yet. */
static double first_write(void)
{
    HKEY written = key("Software\\Bench\\Written", KEY_SET_VALUE);
    double start = now();
    if (RegSetValueExA(written, "value", 0, REG_SZ, (const BYTE *)"x", 2))
        exit(1);
    double taken = now() - start;
    RegCloseKey(written);
    return taken;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *name, double (*what)(void), int turns)
{
    double *taken = malloc(turns * sizeof *taken);
    what();
    for (int i = 0; i < turns; i++)
        taken[i] = what();
    qsort(taken, turns, sizeof *taken, compare);
    printf("%s %.3f\n", name, taken[turns / 2]);
    free(taken);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (!strcmp(argv[1], "seed")) {
        seed();
        return 0;
    }
    if (!strcmp(argv[1], "add")) {
        RegCloseKey(key("Software\\Bench\\Many\\subkey02500x", KEY_READ));
        return 0;
    }
    if (!strcmp(argv[1], "write")) {
        printf("write %.3f\n", first_write());
        return 0;
    }
    int turns = atoi(argv[1]);
    measure("open", open_query_close, turns);
    measure("enumerate", enumerate, turns);
    return 0;
}
