// simdjson 3 behind a C interface.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
/// Bytes that must be readable behind a document (simdjson::SIMDJSON_PADDING).
size_t millrace_json_padding(void);

// Control plane: a walk over the DOM, one call per token.
enum {
    MILLRACE_JSON_NULL, MILLRACE_JSON_TRUE, MILLRACE_JSON_FALSE, MILLRACE_JSON_INTEGER, MILLRACE_JSON_UNSIGNED,
    MILLRACE_JSON_DOUBLE, MILLRACE_JSON_STRING, MILLRACE_JSON_NAME, MILLRACE_JSON_OBJECT, MILLRACE_JSON_ARRAY,
    MILLRACE_JSON_END
};
typedef struct {
    intptr_t kind;
    const char *text;  // STRING and NAME: not terminated
    size_t count;
    int64_t integer;   // UNSIGNED: its bits
    double number;
} millrace_json_token;
typedef void (*millrace_json_visit)(void *context, const millrace_json_token *token);
/// Returns 0, or a simdjson error code, or -1 beyond the depth. Calls `visit` on the calling thread.
int millrace_json_walk(const uint8_t *bytes, size_t count, int maximum_depth, void *context, millrace_json_visit visit);
#ifdef __cplusplus
}
#endif
