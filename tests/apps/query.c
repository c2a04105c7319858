/* Asks a PostgreSQL server, by its own client library (which must be on the PATH).   query CONNECTION STATEMENT...
 * Prints every field of every answer, one a line. */
#include <windows.h>

#include <stdio.h>

typedef void *(*connect_type)(const char *);
typedef void *(*execute_type)(void *, const char *);
typedef int (*number_type)(const void *);
typedef char *(*text_type)(const void *);
typedef char *(*value_type)(const void *, int, int);

enum { CONNECTED = 0, COMMAND_DONE = 1, HAS_ROWS = 2 };

#define LOOK_UP(type, name) ((type)(void *)GetProcAddress(library, name))

int main(int argc, char **argv)
{
    HMODULE library = LoadLibraryA("libpq.dll");
    if (!library || argc < 3) {
        fprintf(stderr, "usage: query CONNECTION STATEMENT..., with libpq.dll on the PATH (%lu)\n", GetLastError());
        return 2;
    }
    void *connection = LOOK_UP(connect_type, "PQconnectdb")(argv[1]);
    if (LOOK_UP(number_type, "PQstatus")(connection) != CONNECTED) {
        fprintf(stderr, "%s\n", LOOK_UP(text_type, "PQerrorMessage")(connection));
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        void *result = LOOK_UP(execute_type, "PQexec")(connection, argv[i]);
        int status = LOOK_UP(number_type, "PQresultStatus")(result);
        if (status != COMMAND_DONE && status != HAS_ROWS) {
            fprintf(stderr, "%s\n", LOOK_UP(text_type, "PQerrorMessage")(connection));
            return 1;
        }
        for (int row = 0; row < LOOK_UP(number_type, "PQntuples")(result); row++)
            for (int field = 0; field < LOOK_UP(number_type, "PQnfields")(result); field++)
                printf("%s\n", LOOK_UP(value_type, "PQgetvalue")(result, row, field));
    }
    return 0;
}
