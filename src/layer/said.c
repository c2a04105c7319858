/* What a program calls something: its object attributes, read once. */
#include "layer/layer.h"

void said_unreadable(struct said *said)
{
    uintptr_t odd = (uintptr_t)said->name.Buffer & 1; /* the system may look at that first */
    said->name.Buffer = (WCHAR *)(UNREADABLE | odd);
}

bool said_read(const OBJECT_ATTRIBUTES *program, struct said *said)
{
    const UNICODE_STRING unreadable = {sizeof(char16), sizeof(char16), (WCHAR *)UNREADABLE};
    const UNICODE_STRING *name;
    said->name = (UNICODE_STRING){0};
    bool good = guard_read(&said->attributes, program, sizeof(said->attributes));
    if (!good)
        said->attributes = (OBJECT_ATTRIBUTES){.Length = sizeof(said->attributes)};
    name = said->attributes.ObjectName;
    if (good && !name)
        return true;
    good = good && guard_read(&said->name, name, sizeof(said->name));
    if (!good)
        said->name = unreadable;
    said->attributes.ObjectName = &said->name;
    return good;
}

bool said_read_all(const OBJECT_ATTRIBUTES *program, struct said *said, char16 *text)
{
    if (!said_read(program, said))
        return false;
    if (!guard_read(text, said->name.Buffer, said->name.Length)) {
        said_unreadable(said);
        return false;
    }
    if (said->name.Buffer)
        said->name.Buffer = (WCHAR *)text;
    return true;
}
