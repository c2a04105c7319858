/* One writer and some readers without a lock. The writer keeps things true at each moment; a reader that sees them
 * otherwise has read half of a change. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#define READERS 3
#define ROUNDS 40000
#define CHURN 16

static struct delta_map *shared;
static atomic_bool done;
static atomic_int errors;
static atomic_uint resolved;

/* cmocka's assertions work in the main thread only. */
static void expect(bool right)
{
    if (!right)
        atomic_fetch_add(&errors, 1);
}

static size_t lower_of(const struct map_place *place, struct str path, char16 *memory)
{
    struct strbuf lower;
    buf_init(&lower, memory, NAME_UNITS);
    map_lower(place, path, &lower);
    expect(!lower.overflow);
    return lower.len;
}

/* The name and lower of churning node i: the lengths differ, so that blocks change their use. */
static struct str churn_name(unsigned i, unsigned turn, char *text)
{
    strcpy(text, "C\\churn");
    for (unsigned k = 0; k < turn; k++)
        strcat(text, "\\deeper and deeper");
    strncat(strcat(text, "\\"), "the quick brown fox jumps over it", 1 + 2 * i);
    return u(text);
}

static struct str churn_lower(unsigned i, char *text)
{
    strcpy(text, "H");
    for (unsigned k = 0; k <= i; k++)
        strcat(text, "\\xy");
    return u(text);
}

/* Whether a name has a lower, which then must be the wanderer's. False when there was no consistent view of it. */
static bool read_wanderer(const char *name, char16 *memory, bool *has_lower)
{
    struct map_place place;
    struct str path = u(name);
    if (!map_resolve(shared, path, &place))
        return false;
    size_t len = lower_of(&place, path, memory);
    if (!map_current(shared, &place))
        return false;
    atomic_fetch_add(&resolved, 1);
    expect(place.known == 3);
    expect(place.in_storage == !place.has_lower);
    expect(str_equal((struct str){memory, len}, place.has_lower ? u("Orig\\file") : u("")));
    *has_lower = place.has_lower;
    return true;
}

/* A directory wanders between two names: its lower goes with it, and the name that it left has none. */
static void read_wanderers(char16 *memory)
{
    bool p, q;
    uint32_t sequence = map_sequence(shared);
    if (read_wanderer("C\\p\\file", memory, &p) && read_wanderer("C\\q\\file", memory, &q) &&
        map_sequence(shared) == sequence)
        expect(p != q);
}

static void read_churn(unsigned i, unsigned turn, char16 *memory)
{
    char text[128], lower[128];
    struct map_place place;
    struct str path = churn_name(i, turn, text);
    if (!map_resolve(shared, path, &place))
        return;
    size_t len = lower_of(&place, path, memory);
    if (!map_current(shared, &place))
        return;
    atomic_fetch_add(&resolved, 1);
    if (place.kind == MAP_META) {
        expect(place.origin.file_id == i + 1);
        expect(place.origin.size == ~(uint64_t)(i + 1));
        expect(str_equal((struct str){memory, len}, churn_lower(i, lower)));
    } else {
        expect(place.origin.file_id == 0);
        expect(str_equal((struct str){memory, len}, path)); /* shines through from the host */
    }
}

static void *reader(void *context)
{
    struct dice d = {(uintptr_t)context};
    char16 memory[NAME_UNITS];
    struct strbuf vm_path;
    while (!atomic_load(&done)) {
        read_wanderers(memory);
        read_churn(roll(&d, CHURN), roll(&d, 3), memory);
        buf_init(&vm_path, memory, NAME_UNITS);
        if (map_reverse(shared, u("Orig\\x"), &vm_path))
            expect(str_equal(buf_str(&vm_path), u("C\\p\\x")) || str_equal(buf_str(&vm_path), u("C\\q\\x")));
        expect(!map_untouched(shared));
    }
    return NULL;
}

static void start_anew(void)
{
    map_begin_rebuild(shared);
    bool made =
        map_set(shared, u("C\\p"), MAP_DIR, u("Orig"), NULL) && map_set(shared, u("C\\q"), MAP_OWN, u(""), NULL);
    map_end_rebuild(shared);
    expect(made);
}

static void write_churn(struct dice *d)
{
    char text[128], lower[128];
    unsigned i = roll(d, CHURN);
    struct map_origin origin = {i + 1, ~(uint64_t)(i + 1), 0};
    struct str path = churn_name(i, roll(d, 3), text);
    if (roll(d, 2))
        map_remove(shared, path);
    else if (!map_set(shared, path, MAP_META, churn_lower(i, lower), &origin))
        start_anew(); /* full of replaced lowers */
}

static void write_all(unsigned rounds)
{
    struct dice d = {99};
    start_anew();
    for (unsigned i = 0; i < rounds; i++) {
        if (!map_rename(shared, u("C\\p"), u("C\\q"), true, MAP_DIR))
            start_anew();
        write_churn(&d);
        if (!map_rename(shared, u("C\\q"), u("C\\p"), true, MAP_DIR))
            start_anew();
        write_churn(&d);
        if (i % 1000 == 0)
            start_anew();
    }
}

static void test_readers(void **state)
{
    (void)state;
    pthread_t threads[READERS];
    shared = map_new(MAP_MIN_SIZE);
    start_anew();
    for (uintptr_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)(i + 1)), 0);
    write_all(ROUNDS);
    while (atomic_load(&resolved) < 1000 && !atomic_load(&errors))
        write_all(ROUNDS / 100); /* on a busy machine the readers may not have had their turn */
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&errors), 0);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
