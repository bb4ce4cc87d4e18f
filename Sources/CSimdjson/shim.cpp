#include "shim.h"
#include <simdjson.h>

using namespace simdjson;

extern "C" size_t millrace_json_padding(void) { return SIMDJSON_PADDING; }

namespace {
struct Walk {
    void *context;
    millrace_json_visit visit;
    int maximum_depth;

    void text(int kind, std::string_view view) const {
        millrace_json_token token{kind, view.data(), view.size(), 0, 0};
        visit(context, &token);
    }
    void plain(int kind, int64_t integer = 0, double number = 0) const {
        millrace_json_token token{kind, nullptr, 0, integer, number};
        visit(context, &token);
    }
    bool go(dom::element element, int depth) const {
        if (depth > maximum_depth) return false;
        switch (element.type()) {
        case dom::element_type::OBJECT:
            plain(MILLRACE_JSON_OBJECT);
            for (auto field : element.get_object().value_unsafe()) {
                text(MILLRACE_JSON_NAME, field.key);
                if (!go(field.value, depth + 1)) return false;
            }
            plain(MILLRACE_JSON_END);
            return true;
        case dom::element_type::ARRAY:
            plain(MILLRACE_JSON_ARRAY);
            for (auto child : element.get_array().value_unsafe())
                if (!go(child, depth + 1)) return false;
            plain(MILLRACE_JSON_END);
            return true;
        case dom::element_type::STRING: text(MILLRACE_JSON_STRING, element.get_string().value_unsafe()); return true;
        case dom::element_type::INT64: plain(MILLRACE_JSON_INTEGER, element.get_int64().value_unsafe()); return true;
        case dom::element_type::UINT64:
            plain(MILLRACE_JSON_UNSIGNED, (int64_t)element.get_uint64().value_unsafe());
            return true;
        case dom::element_type::DOUBLE: plain(MILLRACE_JSON_DOUBLE, 0, element.get_double().value_unsafe()); return true;
        case dom::element_type::BOOL:
            plain(element.get_bool().value_unsafe() ? MILLRACE_JSON_TRUE : MILLRACE_JSON_FALSE);
            return true;
        default: plain(MILLRACE_JSON_NULL); return true;
        }
    }
};
}

extern "C" int millrace_json_walk(const uint8_t *bytes, size_t count, int maximum_depth, void *context, millrace_json_visit visit) {
    dom::parser parser;
    dom::element root;
    auto error = parser.parse(bytes, count, true).get(root);
    if (error) return error;
    return Walk{context, visit, maximum_depth}.go(root, 0) ? 0 : -1;
}
