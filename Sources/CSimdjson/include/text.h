// UTF-8 validation, and doubles as text.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
/// 1 if the bytes are valid UTF-8 and, where that is asked for, hold no NUL.
int millrace_utf8_valid(const uint8_t *bytes, size_t count, int excluding_nul);
/// 1 and the nearest double if the text is a finite decimal number, else 0.
int millrace_number_parse(const uint8_t *bytes, size_t count, double *value);
/// Writes the shortest text that reads back the same, at most 26 bytes; returns its length.
int millrace_number_write(double value, uint8_t *target, size_t capacity);
#ifdef __cplusplus
}
#endif
