#include "rows.h"
#include <cstring>
#include <memory>
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

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

/// Whether a string's token ends with its closing quote and holds no backslash.
bool is_plain(std::string_view raw) {
    return raw.size() >= 2 && raw.back() == '"' && !std::memchr(raw.data() + 1, '\\', raw.size() - 2);
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

struct millrace_reader {
    ondemand::parser parser;
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
    int members(ondemand::object &object, Node *node, int depth, ondemand::document &document);
    int value(ondemand::value &value, Node *node, int depth, ondemand::document &document);
    int structure(ondemand::value &value, bool is_object, Node *node, int depth, ondemand::document &document);
};

int millrace_reader::members(ondemand::object &object, Node *node, int depth, ondemand::document &document) {
    for (auto result : object) {
        if (result.error()) return MILLRACE_READ_MALFORMED;
        // Why no copy: a field is written in parts and would be read back whole, which stalls.
        ondemand::field &&field = std::move(result).value_unsafe();
        // Why here: unescaping the name gives it away.
        const char *raw_start = field.key().raw() - 1;
        if (Node *below = node ? node->expected(raw_start + 1) : nullptr) {
            if (const int fault = value(field.value(), meet(below), depth, document)) return fault;
            continue;
        }
        std::string_view name;
        if (field.unescaped_key().get(name)) return MILLRACE_READ_MALFORMED;
        Node *below = node ? meet(node->named(name)) : nullptr;
        if (depth == 1 && !below && unknown_rule != MILLRACE_UNKNOWN_IGNORE) {
            if (unknown_rule == MILLRACE_UNKNOWN_REFUSE) return MILLRACE_READ_UNKNOWN;
            auto raw = trimmed(field.value().raw_json_token());
            if (raw.empty()) return MILLRACE_READ_MALFORMED;
            const char *start = raw.data();
            auto raw_name = trimmed({raw_start, size_t(start - raw_start)});
            raw_name = trimmed(raw_name.substr(0, raw_name.size() - 1));  // the colon
            if (const int fault = value(field.value(), nullptr, depth, document)) return fault;
            if (raw.front() == '{' || raw.front() == '[') {
                const char *end;
                // The next token is the comma or the closing brace: the outermost object has not ended.
                if (document.current_location().get(end)) return MILLRACE_READ_MALFORMED;
                raw = trimmed({start, size_t(end - start)});
            }
            if (const int fault = keep(name, raw_name, raw)) return fault;
            continue;
        }
        if (const int fault = value(field.value(), below, depth, document)) return fault;
    }
    return MILLRACE_READ_OK;
}

int millrace_reader::structure(
    ondemand::value &value, bool is_object, Node *node, int depth, ondemand::document &document
) {
    if (depth >= maximum_depth) return MILLRACE_READ_TOO_DEEP;
    const char *start = value.raw_json_token().data();
    if (is_object) {
        ondemand::object object;
        if (value.get_object().get(object)) return MILLRACE_READ_MALFORMED;
        if (const int fault = members(object, node, depth + 1, document)) return fault;
    } else {
        ondemand::array array;
        if (value.get_array().get(array)) return MILLRACE_READ_MALFORMED;
        size_t index = 0;
        for (auto result : array) {
            ondemand::value element;
            if (std::move(result).get(element)) return MILLRACE_READ_MALFORMED;
            Node *below = node ? meet(node->indexed(index)) : nullptr;
            if (const int fault = this->value(element, below, depth + 1, document)) return fault;
            ++index;
        }
    }
    if (node && !node->cells.empty()) {
        const char *end;
        // The next token stands behind the closing bracket: the enclosing object has not ended.
        if (document.current_location().get(end)) return MILLRACE_READ_MALFORMED;
        const auto raw = trimmed({start, size_t(end - start)});
        put(node, MILLRACE_CELL_STRUCTURE, raw, raw);
    }
    return MILLRACE_READ_OK;
}

int millrace_reader::value(ondemand::value &value, Node *node, int depth, ondemand::document &document) {
    const auto raw = trimmed(value.raw_json_token());
    if (raw.empty()) return MILLRACE_READ_MALFORMED;
    switch (raw.front()) {
    case '{': return structure(value, true, node, depth, document);
    case '[': return structure(value, false, node, depth, document);
    case '"': {
        std::string_view text;
        if (is_plain(raw)) {
            // Nothing to unescape: the text stays where it is.
            ondemand::raw_json_string token;
            if (value.get_raw_json_string().get(token)) return MILLRACE_READ_MALFORMED;
            text = raw.substr(1, raw.size() - 2);
        } else if (value.get_string().get(text)) {
            return MILLRACE_READ_MALFORMED;
        }
        put(node, MILLRACE_CELL_STRING, text, raw);
        return MILLRACE_READ_OK;
    }
    case 't':
        if (raw != "true") return MILLRACE_READ_MALFORMED;
        put(node, MILLRACE_CELL_TRUE, raw, raw);
        return MILLRACE_READ_OK;
    case 'f':
        if (raw != "false") return MILLRACE_READ_MALFORMED;
        put(node, MILLRACE_CELL_FALSE, raw, raw);
        return MILLRACE_READ_OK;
    case 'n': return raw == "null" ? MILLRACE_READ_OK : MILLRACE_READ_MALFORMED;
    default:
        if (!is_number(raw)) return MILLRACE_READ_MALFORMED;
        put(node, MILLRACE_CELL_NUMBER, raw, raw);
        return MILLRACE_READ_OK;
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
    const padded_string_view view(reinterpret_cast<const char *>(bytes), count, count + SIMDJSON_PADDING);
    ondemand::document document;
    if (reader->parser.iterate(view).get(document)) return MILLRACE_READ_MALFORMED;
    ondemand::json_type type;
    if (document.type().get(type)) return MILLRACE_READ_MALFORMED;
    if (type != ondemand::json_type::object) return MILLRACE_READ_NO_OBJECT;
    ondemand::object object;
    if (document.get_object().get(object)) return MILLRACE_READ_MALFORMED;
    if (const int fault = reader->members(object, &reader->root, 1, document)) return fault;
    const char *rest;
    // Nothing may follow the object: then, and only then, there is no current location.
    return document.current_location().get(rest) == OUT_OF_BOUNDS ? MILLRACE_READ_OK : MILLRACE_READ_MALFORMED;
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
