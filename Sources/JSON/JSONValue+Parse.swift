internal import CSimdjson

extension JSONValue {
    /// Deepest nesting of a control document.
    public static let maximumDepth = 64

    /// Parses one document (RFC 8259) with simdjson's DOM. Nil if it is not one, or nested too deep.
    public init?(parsing bytes: [UInt8]) {
        let builder = Builder()
        let failed = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe millrace_json_walk(
                buffer.baseAddress, buffer.count, Int32(Self.maximumDepth),
                Unmanaged.passUnretained(builder).toOpaque(), visit)
        }
        guard failed == 0, let value = builder.result else { return nil }
        self = value
    }

    public init?(parsing text: String) { self.init(parsing: Array(text.utf8)) }
}

/// Puts a document together from the walk's calls.
private final class Builder {
    private enum Open { case array([JSONValue]), object([JSONMember], name: String) }
    private var open: [Open] = []
    var result: JSONValue?

    func begin(object: Bool) { open.append(object ? .object([], name: "") : .array([])) }

    func name(_ text: String) {
        guard case .object(let members, _)? = open.popLast() else { preconditionFailure("name outside object") }
        open.append(.object(members, name: text))
    }

    func end() {
        switch open.popLast() {
        case .array(let values): add(.array(values))
        case .object(let members, _): add(.object(members))
        case nil: preconditionFailure("end without begin")
        }
    }

    func add(_ value: JSONValue) {
        switch open.popLast() {
        case nil: result = value
        case .array(var values):
            values.append(value)
            open.append(.array(values))
        case .object(var members, let name):
            members.append(JSONMember(name, value))
            open.append(.object(members, name: name))
        }
    }
}

/// Called by the shim on the calling thread, once per token; copies out and returns.
private func visit(_ context: UnsafeMutableRawPointer?, _ token: UnsafePointer<millrace_json_token>?) {
    guard let context = unsafe context, let token = unsafe token?.pointee else { return }
    let builder = unsafe Unmanaged<Builder>.fromOpaque(context).takeUnretainedValue()
    var text: String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: token.text, count: token.count), as: UTF8.self)
    }
    switch unsafe token.kind {
    case MILLRACE_JSON_OBJECT: builder.begin(object: true)
    case MILLRACE_JSON_ARRAY: builder.begin(object: false)
    case MILLRACE_JSON_END: builder.end()
    case MILLRACE_JSON_NAME: builder.name(text)
    case MILLRACE_JSON_STRING: builder.add(.string(text))
    case MILLRACE_JSON_INTEGER: builder.add(.integer(unsafe token.integer))
    case MILLRACE_JSON_UNSIGNED: builder.add(.unsigned(UInt64(bitPattern: unsafe token.integer)))
    case MILLRACE_JSON_DOUBLE: builder.add(.double(unsafe token.number))
    case MILLRACE_JSON_TRUE: builder.add(.boolean(true))
    case MILLRACE_JSON_FALSE: builder.add(.boolean(false))
    default: builder.add(.null)
    }
}
