#include "shim.h"
#include <mariadb/mysql.h>
#include <stdlib.h>

struct millrace_database {
    MYSQL *connection;
    MYSQL_RES *result;
    MYSQL_ROW row;
    unsigned long *lengths;
    uint32_t width;
    int failed;
};

millrace_database *millrace_database_connect(
    const char *host, uint32_t port, const char *socket, const char *user, const char *password, int tls, const char *ca,
    uint32_t timeout) {
    millrace_database *database = calloc(1, sizeof *database);
    if (!database) return NULL;
    MYSQL *connection = database->connection = mysql_init(NULL);
    if (!connection) {
        free(database);
        return NULL;
    }
    my_bool yes = 1, no = 0;
    unsigned int seconds = timeout;
    mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    // Why: no file of the client's own settings, and never a file of ours for the server.
    unsigned int off = 0;
    mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &off);
    if (tls >= 2) mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, tls >= 3 ? &yes : &no);
    if (ca && tls > 0) mysql_options(connection, MYSQL_OPT_SSL_CA, ca);
    if (!mysql_real_connect(connection, host, user, password, NULL, port, socket, 0)) database->failed = 1;
    return database;
}

static void end_result(millrace_database *database) {
    if (database->result) mysql_free_result(database->result);
    database->result = NULL;
    database->row = NULL;
    database->width = 0;
}

void millrace_database_close(millrace_database *database) {
    end_result(database);
    mysql_close(database->connection);
    free(database);
}

const char *millrace_database_error(millrace_database *database) {
    return database->failed || mysql_errno(database->connection) ? mysql_error(database->connection) : NULL;
}

int millrace_database_run(millrace_database *database, const char *text, size_t length) {
    end_result(database);
    if (mysql_real_query(database->connection, text, length)) return 1;
    // Why not stored: a table may be larger than memory.
    database->result = mysql_use_result(database->connection);
    if (!database->result) return mysql_field_count(database->connection) != 0;
    database->width = mysql_num_fields(database->result);
    return 0;
}

int millrace_database_next(millrace_database *database) {
    if (!database->result) return 0;
    database->row = mysql_fetch_row(database->result);
    if (database->row) {
        database->lengths = mysql_fetch_lengths(database->result);
        return 1;
    }
    return mysql_errno(database->connection) ? -1 : 0;
}

uint32_t millrace_database_width(millrace_database *database) { return database->width; }

const uint8_t *millrace_database_value(millrace_database *database, uint32_t column, size_t *length) {
    if (!database->row || column >= database->width || !database->row[column]) return NULL;
    *length = database->lengths[column];
    return (const uint8_t *)database->row[column];
}
