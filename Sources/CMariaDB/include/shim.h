// A database through MariaDB Connector/C: connect, ask, read rows as they come. No logic.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct millrace_database millrace_database;

/// How TLS is used: 0 never, 1 if the server has it, 2 always, 3 always and the certificate must be the host's.
/// Any text may be null. Null: no memory. `millrace_database_error` says whether it is connected.
millrace_database *millrace_database_connect(
    const char *host, uint32_t port, const char *socket, const char *user, const char *password, int tls, const char *ca,
    uint32_t timeout);
void millrace_database_close(millrace_database *database);
/// The last error, or null. Valid until the next call.
const char *millrace_database_error(millrace_database *database);
/// Runs a statement; 0: done. Its rows, if any, are read by `millrace_database_next` before the next one.
int millrace_database_run(millrace_database *database, const char *text, size_t length);
/// Reads the next row; 1: there is one, 0: no more, -1: an error. The connection holds one row.
int millrace_database_next(millrace_database *database);
uint32_t millrace_database_width(millrace_database *database);
/// A value of the row, null if it is NULL; valid until the next call of `next`.
const uint8_t *millrace_database_value(millrace_database *database, uint32_t column, size_t *length);
