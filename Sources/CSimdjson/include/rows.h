// JSON records to cells: one call per record, every byte of it validated.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
/// One step of a path: a member's name, or (name null) an index into an array.
typedef struct { const uint8_t *name; size_t count; size_t index; } millrace_path_step;

enum {
    MILLRACE_CELL_NONE, MILLRACE_CELL_STRING, MILLRACE_CELL_NUMBER, MILLRACE_CELL_TRUE, MILLRACE_CELL_FALSE,
    MILLRACE_CELL_STRUCTURE
};
/// What stands at a path. `text`: a string unescaped, anything else as written; `raw`: as written.
typedef struct {
    intptr_t kind;
    const uint8_t *text;
    size_t count;
    const uint8_t *raw;
    size_t raw_count;
} millrace_cell;

enum {
    MILLRACE_READ_OK, MILLRACE_READ_MALFORMED, MILLRACE_READ_TOO_DEEP, MILLRACE_READ_NO_OBJECT,
    MILLRACE_READ_UNKNOWN, MILLRACE_READ_TOO_MANY
};
/// What becomes of members of the outermost object that no path begins with.
enum { MILLRACE_UNKNOWN_IGNORE, MILLRACE_UNKNOWN_KEEP, MILLRACE_UNKNOWN_REFUSE };

typedef struct millrace_reader millrace_reader;
millrace_reader *millrace_reader_new(void);
void millrace_reader_free(millrace_reader *reader);
/// Adds a path; its cell is the number of paths added before.
void millrace_reader_add(millrace_reader *reader, const millrace_path_step *steps, size_t count);
/// Reads one record; millrace_json_padding() bytes behind it must be readable. Cells are valid until the
/// next read. Of equal names in one object the last counts.
int millrace_reader_read(millrace_reader *reader, const uint8_t *bytes, size_t count, int maximum_depth);
/// Sets the rule for unknown members, and how many are kept before the record is refused.
void millrace_reader_unknown(millrace_reader *reader, int rule, size_t maximum);
/// The unknown members of the last record as a JSON object, each as written; empty if there are none. Of equal
/// names the last counts.
const uint8_t *millrace_reader_rest(millrace_reader *reader, size_t *count);
const millrace_cell *millrace_reader_cells(const millrace_reader *reader);
#ifdef __cplusplus
}
#endif
