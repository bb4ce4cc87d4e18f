#include "rows.h"
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <string>
#include <vector>

using namespace simdjson;

namespace {
/// The paths of a reader, put together by their steps.
struct Node {
    struct Child {
        bool is_name;
        bool is_plain;  // a name without quotes and backslashes: in a record it may stand as it is
        std::string name;
        size_t index;
        std::unique_ptr<Node> node;
    };
    std::vector<Child> children;
    std::vector<size_t> cells;
    uint64_t stamp = 0;  // the record in which it was last met
    size_t next = 0;     // the child that is looked at first

    Node *child(const millrace_path_step &step) {
        for (auto &known : children)
            if (step.name ? known.is_name && known.name.size() == step.count
                        && std::memcmp(known.name.data(), step.name, step.count) == 0
                          : !known.is_name && known.index == step.index)
                return known.node.get();
        auto name = step.name ? std::string(reinterpret_cast<const char *>(step.name), step.count) : std::string();
        const bool is_plain = step.name && name.find_first_of("\"\\") == std::string::npos;
        children.push_back({step.name != nullptr, is_plain, name, step.index, std::make_unique<Node>()});
        return children.back().node.get();
    }
    /// The child that is looked at first, if its name stands at `raw` as it is, behind it the closing quote.
    Node *expected(const char *raw) {
        if (next >= children.size()) return nullptr;
        Child &child = children[next];
        // Why a limit: the padding behind the record can be read, no more.
        if (!child.is_plain || child.name.size() >= SIMDJSON_PADDING
            || std::memcmp(raw, child.name.data(), child.name.size()) != 0 || raw[child.name.size()] != '"')
            return nullptr;
        next = next + 1 < children.size() ? next + 1 : 0;
        return child.node.get();
    }
    Node *named(std::string_view name) {
        // Why from where the last name was found: records of one writer have their members in one order.
        const size_t count = children.size();
        for (size_t tried = 0; tried < count; ++tried) {
            const size_t at = next + tried < count ? next + tried : next + tried - count;
            if (!children[at].is_name || name != children[at].name) continue;
            next = at + 1 < count ? at + 1 : 0;
            return children[at].node.get();
        }
        return nullptr;
    }
    Node *indexed(size_t index) {
        for (auto &known : children)
            if (!known.is_name && known.index == index) return known.node.get();
        return nullptr;
    }
};

bool is_space(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

/// Unescapes a string behind its opening quote; returns the end of what was written, or null. Why two: newer
/// versions of the library ask whether lone surrogates are replaced.
template <typename Parser>
auto unescaped(const Parser &parser, const uint8_t *from, uint8_t *to, int) -> decltype(parser.parse_string(from, to)) {
    return parser.parse_string(from, to);
}
template <typename Parser>
auto unescaped(const Parser &parser, const uint8_t *from, uint8_t *to, long)
    -> decltype(parser.parse_string(from, to, false)) {
    return parser.parse_string(from, to, false);
}

/// The grammar of RFC 8259, section 6.
bool is_number(std::string_view text) {
    size_t at = 0;
    const auto digits = [&] {
        const size_t from = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
        return at - from;
    };
    if (at < text.size() && text[at] == '-') ++at;
    const size_t first = at;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (digits() == 0) return false;
    }
    if (at < text.size() && (text[at] | 0x20) == 'e') {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (digits() == 0) return false;
    }
    return at == text.size();
}
}

/// The library finds the tokens (and validates UTF-8, quotes and control characters); their grammar is checked here.
/// Why not by its own walk: that asks for errors at every step, and took twice the time.
struct millrace_reader {
    std::unique_ptr<internal::dom_parser_implementation> parser;
    size_t capacity = 0;
    // The record in hand: its text, the tokens' offsets (one behind the last is its length), the next token.
    const char *base = nullptr;
    const uint32_t *tokens = nullptr;
    size_t token_count = 0, at = 0;
    bool has_escapes = false;
    /// What is unescaped: never longer than the record.
    std::unique_ptr<uint8_t[]> strings;
    uint8_t *strings_end = nullptr;
    Node root;
    std::vector<millrace_cell> cells;
    uint64_t stamp = 0;
    int maximum_depth = 0;
    /// Members of the outermost object that no path begins with: their extents as written, and a hash of the name.
    struct Unknown {
        size_t hash;
        std::string_view name, raw_name, raw;
    };
    std::vector<Unknown> unknown;
    size_t maximum_unknown = 0;
    int unknown_rule = MILLRACE_UNKNOWN_IGNORE;
    std::string document;

    int keep(std::string_view name, std::string_view raw_name, std::string_view raw) {
        const size_t hash = std::hash<std::string_view>{}(name);
        for (auto &known : unknown)
            if (known.hash == hash && known.name == name) {
                known.raw = raw;
                return MILLRACE_READ_OK;
            }
        if (unknown.size() == maximum_unknown) return MILLRACE_READ_TOO_MANY;
        unknown.push_back({hash, name, raw_name, raw});
        return MILLRACE_READ_OK;
    }

    void forget(Node *node) {
        for (const auto index : node->cells) cells[index] = {};
        for (auto &child : node->children) forget(child.node.get());
    }
    /// Marks a node as met; of equal names only the last counts, with all that is below it.
    Node *meet(Node *node) {
        if (!node) return nullptr;
        if (node->stamp == stamp) forget(node);
        node->stamp = stamp;
        return node;
    }
    void put(Node *node, intptr_t kind, std::string_view text, std::string_view raw) {
        if (!node) return;
        const millrace_cell cell{kind, reinterpret_cast<const uint8_t *>(text.data()), text.size(),
                                 reinterpret_cast<const uint8_t *>(raw.data()), raw.size()};
        for (const auto index : node->cells) cells[index] = cell;
    }
    /// The first byte of the next token; 0 behind the last.
    char next() const { return at < token_count ? base[tokens[at]] : '\0'; }
    bool take(char byte) {
        if (next() != byte) return false;
        ++at;
        return true;
    }
    /// Takes the next token as written, without the blanks behind it.
    std::string_view token() {
        const char *start = base + tokens[at];
        const char *end = base + tokens[++at];
        while (end > start && is_space(end[-1])) --end;
        return {start, size_t(end - start)};
    }
    bool grow(size_t count);
    bool text(std::string_view raw, std::string_view &text);
    int members(Node *node, int depth);
    int member(Node *node, int depth);
    int value(Node *node, int depth);
    int structure(Node *node, int depth);
};

bool millrace_reader::grow(size_t count) {
    // Why twice: records that are a little longer each time are common.
    const size_t wanted = std::max<size_t>(count, std::min<size_t>(capacity * 2, SIMDJSON_MAXSIZE_BYTES));
    if (parser ? parser->allocate(wanted, DEFAULT_MAX_DEPTH)
               : get_active_implementation()->create_dom_parser_implementation(wanted, DEFAULT_MAX_DEPTH, parser))
        return false;
    strings.reset(new (std::nothrow) uint8_t[wanted + SIMDJSON_PADDING]);
    capacity = strings ? wanted : 0;
    return strings != nullptr;
}

/// The content of a string's token.
bool millrace_reader::text(std::string_view raw, std::string_view &text) {
    if (raw.size() < 2 || raw.back() != '"') return false;
    text = raw.substr(1, raw.size() - 2);
    if (!has_escapes || !std::memchr(text.data(), '\\', text.size())) return true;
    uint8_t *end = unescaped(*parser, reinterpret_cast<const uint8_t *>(text.data()), strings_end, 0);
    if (!end) return false;
    text = {reinterpret_cast<const char *>(strings_end), size_t(end - strings_end)};
    strings_end = end;
    return true;
}

/// The members of an object whose opening brace was taken.
int millrace_reader::members(Node *node, int depth) {
    if (take('}')) return MILLRACE_READ_OK;
    do {
        if (next() != '"') return MILLRACE_READ_MALFORMED;
        if (const int fault = member(node, depth)) return fault;
    } while (take(','));
    return take('}') ? MILLRACE_READ_OK : MILLRACE_READ_MALFORMED;
}

int millrace_reader::member(Node *node, int depth) {
    if (Node *below = node ? node->expected(base + tokens[at] + 1) : nullptr) {
        ++at;
        return take(':') ? value(meet(below), depth) : MILLRACE_READ_MALFORMED;
    }
    const auto raw_name = token();
    std::string_view name;
    if (!text(raw_name, name) || !take(':')) return MILLRACE_READ_MALFORMED;
    Node *below = node ? meet(node->named(name)) : nullptr;
    if (depth > 1 || below || unknown_rule == MILLRACE_UNKNOWN_IGNORE) return value(below, depth);
    if (unknown_rule == MILLRACE_UNKNOWN_REFUSE) return MILLRACE_READ_UNKNOWN;
    const size_t first = at;
    if (const int fault = value(nullptr, depth)) return fault;
    // Its last token's end: the bracket that closes it, or the scalar's.
    const char *start = base + tokens[first];
    const char *end = base + tokens[at];
    while (end > start && is_space(end[-1])) --end;
    return keep(name, raw_name, {start, size_t(end - start)});
}

int millrace_reader::structure(Node *node, int depth) {
    if (depth >= maximum_depth) return MILLRACE_READ_TOO_DEEP;
    const char *start = base + tokens[at++];
    if (*start == '{') {
        if (const int fault = members(node, depth + 1)) return fault;
    } else if (!take(']')) {
        size_t index = 0;
        do {
            Node *below = node ? meet(node->indexed(index++)) : nullptr;
            if (const int fault = value(below, depth + 1)) return fault;
        } while (take(','));
        if (!take(']')) return MILLRACE_READ_MALFORMED;
    }
    if (node && !node->cells.empty()) {
        const std::string_view raw(start, size_t(base + tokens[at - 1] + 1 - start));
        put(node, MILLRACE_CELL_STRUCTURE, raw, raw);
    }
    return MILLRACE_READ_OK;
}

int millrace_reader::value(Node *node, int depth) {
    const char first = next();
    switch (first) {
    case '\0': return MILLRACE_READ_MALFORMED;
    case '{':
    case '[': return structure(node, depth);
    case '"': {
        // Why so short: that its quotes are closed is known, and nobody asks for what is in it.
        if (!node && !has_escapes) {
            ++at;
            return MILLRACE_READ_OK;
        }
        const auto raw = token();
        std::string_view text;
        if (!this->text(raw, text)) return MILLRACE_READ_MALFORMED;
        put(node, MILLRACE_CELL_STRING, text, raw);
        return MILLRACE_READ_OK;
    }
    case 't':
    case 'f': {
        const auto raw = token();
        if (raw != (first == 't' ? "true" : "false")) return MILLRACE_READ_MALFORMED;
        put(node, first == 't' ? MILLRACE_CELL_TRUE : MILLRACE_CELL_FALSE, raw, raw);
        return MILLRACE_READ_OK;
    }
    case 'n': return token() == "null" ? MILLRACE_READ_OK : MILLRACE_READ_MALFORMED;
    default: {
        const auto raw = token();
        if (!is_number(raw)) return MILLRACE_READ_MALFORMED;
        put(node, MILLRACE_CELL_NUMBER, raw, raw);
        return MILLRACE_READ_OK;
    }
    }
}

extern "C" millrace_reader *millrace_reader_new(void) { return new millrace_reader; }

extern "C" void millrace_reader_free(millrace_reader *reader) { delete reader; }

extern "C" void millrace_reader_add(millrace_reader *reader, const millrace_path_step *steps, size_t count) {
    Node *node = &reader->root;
    for (size_t at = 0; at < count; ++at) node = node->child(steps[at]);
    node->cells.push_back(reader->cells.size());
    reader->cells.push_back({});
}

extern "C" int millrace_reader_read(millrace_reader *reader, const uint8_t *bytes, size_t count, int maximum_depth) {
    reader->stamp++;
    reader->maximum_depth = maximum_depth;
    reader->unknown.clear();
    if (!reader->cells.empty()) std::memset(reader->cells.data(), 0, reader->cells.size() * sizeof(millrace_cell));
    if (count == 0 || (count > reader->capacity && !reader->grow(count))) return MILLRACE_READ_MALFORMED;
    if (reader->parser->stage1(bytes, count, stage1_mode::regular)) return MILLRACE_READ_MALFORMED;
    reader->base = reinterpret_cast<const char *>(bytes);
    reader->tokens = reader->parser->structural_indexes.get();
    reader->token_count = reader->parser->n_structural_indexes;
    reader->at = 0;
    reader->has_escapes = std::memchr(bytes, '\\', count) != nullptr;
    reader->strings_end = reader->strings.get();
    const char first = reader->next();
    if (first != '{') {
        const bool is_other = first == '[' || first == '"' || first == 't' || first == 'f' || first == 'n'
            || first == '-' || (first >= '0' && first <= '9');
        return is_other ? MILLRACE_READ_NO_OBJECT : MILLRACE_READ_MALFORMED;
    }
    // Why first: a record that was cut off is malformed, whatever it holds.
    if (reader->base[reader->tokens[reader->token_count - 1]] != '}') return MILLRACE_READ_MALFORMED;
    ++reader->at;
    if (const int fault = reader->members(&reader->root, 1)) return fault;
    return reader->at == reader->token_count ? MILLRACE_READ_OK : MILLRACE_READ_MALFORMED;
}

extern "C" const millrace_cell *millrace_reader_cells(const millrace_reader *reader) { return reader->cells.data(); }

extern "C" void millrace_reader_unknown(millrace_reader *reader, int rule, size_t maximum) {
    reader->unknown_rule = rule;
    reader->maximum_unknown = maximum;
}

extern "C" const uint8_t *millrace_reader_rest(millrace_reader *reader, size_t *count) {
    auto &text = reader->document;
    text.clear();
    for (const auto &member : reader->unknown) {
        text += text.empty() ? '{' : ',';
        text.append(member.raw_name).append(":").append(member.raw);
    }
    if (!text.empty()) text += '}';
    *count = text.size();
    return reinterpret_cast<const uint8_t *>(text.data());
}
