#include "text.h"
#include <charconv>
#include <cmath>
#include <cstring>
#include <simdjson.h>

extern "C" int millrace_utf8_valid(const uint8_t *bytes, size_t count, int excluding_nul) {
    if (excluding_nul && count > 0 && std::memchr(bytes, 0, count)) return 0;
    return simdjson::validate_utf8(reinterpret_cast<const char *>(bytes), count) ? 1 : 0;
}

extern "C" int millrace_number_parse(const uint8_t *bytes, size_t count, double *value) {
    const char *text = reinterpret_cast<const char *>(bytes);
    // Why: from_chars would take "inf" and "nan", which are no decimal text.
    if (count == 0 || (text[count - 1] != '.' && (text[count - 1] < '0' || text[count - 1] > '9'))) return 0;
    double parsed = 0;
    const auto result = std::from_chars(text, text + count, parsed, std::chars_format::general);
    if (result.ptr != text + count) return 0;
    if (result.ec == std::errc::result_out_of_range) {
        // Why: an underflow is as good as zero, an overflow is no number of ours; strtod tells them apart.
        parsed = std::strtod(std::string(text, count).c_str(), nullptr);
    } else if (result.ec != std::errc()) {
        return 0;
    }
    if (!std::isfinite(parsed)) return 0;
    *value = parsed;
    return 1;
}

extern "C" int millrace_number_write(double value, uint8_t *target, size_t capacity) {
    char *text = reinterpret_cast<char *>(target);
    char *end = std::to_chars(text, text + capacity - 2, value).ptr;
    bool whole = true;
    for (const char *at = text; at != end; ++at)
        if (*at == '.' || *at == 'e' || *at == 'n') whole = false;
    // Why: a reader that guesses types must see a double, not an integer.
    if (whole) { *end++ = '.'; *end++ = '0'; }
    return static_cast<int>(end - text);
}
