#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "delta/map_inside.h"

struct delta_map *fuzz_map(void)
{
    static struct delta_map *map;
    static void *header;
    if (!map) {
        static char16 upcase[65536];
        for (unsigned i = 0; i < 65536; i++)
            upcase[i] = (char16)(i >= 'a' && i <= 'z' ? i - 32 : i);
        map = calloc(1, MAP_MIN_SIZE);
        CHECK(map && map_format(map, MAP_MIN_SIZE, upcase));
        header = malloc(sizeof(struct delta_map));
        memcpy(header, map, sizeof(struct delta_map));
    }
    memcpy((void *)map, header, sizeof(struct delta_map));
    map_begin_rebuild(map);
    map_end_rebuild(map);
    return map;
}
