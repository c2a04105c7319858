/* Names of VMs: which are allowed, and inventing one. */
#include "vm/name.h"

#include "fvm.h"
#include "vm/text.h"

#include <windows.h>

#define NUMBER_BELOW 100u

static bool letter_or_digit(wchar_t c)
{
    return (c >= L'A' && c <= L'Z') || (c >= L'a' && c <= L'z') || (c >= L'0' && c <= L'9');
}

static bool same_letters(const wchar_t *name, size_t len, const char *device)
{
    size_t i = 0;
    for (; device[i] && i < len; i++)
        if ((name[i] | 0x20) != (device[i] | 0x20) && name[i] != (wchar_t)device[i])
            return false;
    return !device[i] && i == len;
}

/* Windows takes a device's name for the device even with an ending behind it. */
static bool is_device(const wchar_t *name)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    size_t len = 0;
    while (name[len] && name[len] != L'.')
        len++;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (same_letters(name, len, devices[i]))
            return true;
    return len == 4 && name[3] >= L'0' && name[3] <= L'9' &&
           (same_letters(name, 3, "COM") || same_letters(name, 3, "LPT"));
}

bool fvm_name_valid(const wchar_t *name)
{
    size_t len = 0;
    for (; name[len]; len++)
        if (len >= FVM_NAME_UNITS ||
            !(letter_or_digit(name[len]) || name[len] == L'.' || name[len] == L'_' || name[len] == L'-'))
            return false;
    return len > 0 && name[0] != L'.' && name[0] != L'-' && name[len - 1] != L'.' && !is_device(name);
}

static const char16 *const adjectives[] = {
    u"brave", u"bright", u"calm",  u"clever", u"eager",  u"early", u"fair",  u"gentle", u"glad",  u"happy", u"keen",
    u"kind",  u"lively", u"lucky", u"merry",  u"nimble", u"plain", u"proud", u"quick",  u"quiet", u"rapid", u"sharp",
    u"shy",   u"silent", u"sunny", u"swift",  u"tidy",   u"warm",  u"wild",  u"wise",   u"witty", u"young"};
static const char16 *const animals[] = {
    u"badger", u"beaver", u"bison", u"crane",  u"deer",  u"falcon", u"ferret", u"finch", u"fox",   u"gull",  u"hare",
    u"hawk",   u"heron",  u"ibex",  u"jackal", u"lark",  u"lynx",   u"marten", u"mole",  u"moose", u"otter", u"owl",
    u"puffin", u"raven",  u"robin", u"seal",   u"stork", u"swan",   u"tern",   u"trout", u"vole",  u"wolf"};

void name_invent(struct strbuf *out, uint32_t attempt)
{
    LARGE_INTEGER now;
    QueryPerformanceCounter(&now);
    uint64_t seed = (uint64_t)now.QuadPart ^ (uint64_t)GetCurrentProcessId() << 32 ^ attempt;
    seed = (seed ^ seed >> 33) * 0xff51afd7ed558ccdu; /* the finalizer of MurmurHash3: every bit depends on every bit */
    seed = (seed ^ seed >> 33) * 0xc4ceb9fe1a85ec53u;
    seed ^= seed >> 33;
    buf_set(out, str_of(adjectives[seed % (sizeof adjectives / sizeof *adjectives)]));
    buf_add_char(out, u'-');
    buf_add(out, str_of(animals[(seed >> 16) % (sizeof animals / sizeof *animals)]));
    buf_add_char(out, u'-');
    text_add_number(out, (seed >> 32) % NUMBER_BELOW);
    buf_terminate(out);
}
