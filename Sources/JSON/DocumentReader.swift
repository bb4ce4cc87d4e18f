internal import CSimdjson
public import Event

/// Reads JSON objects, one at a time, and finds what stands at given paths: the hot path.
///
/// - Every byte is validated (RFC 8259), not only what the paths name.
/// - Of equal names in one object the last counts, with all that is below it.
/// - Numbers stay text: nothing is rounded.
///
/// Reused; one thread at a time. No allocation once it has met its longest record.
// Safety: `reader` is freed in deinit; cells point into the record or the reader, valid until the next read.
@safe public final class DocumentReader {
    /// Deepest nesting, the outermost object counted.
    public static let maximumDepth = 256

    public enum Fault: Sendable {
        case malformed, tooDeep, notAnObject
        /// A member of the outermost object that no path begins with, where such are refused.
        case unknownMember
        /// More such members than are kept.
        case tooManyMembers
    }

    /// What becomes of members of the outermost object that no path begins with.
    public enum UnknownMembers: Sendable { case ignore, keep, refuse }

    /// Most such members of one record that are kept.
    public static let maximumUnknownCount = 1_024

    /// What stands at a path. Why no more than three words: it is returned in registers.
    public struct Value {
        public enum Kind: Sendable { case none, string, number, yes, no, structure }
        /// `none`: nothing there, or null.
        public var kind: Kind
        /// A string unescaped, or as written with its quotes if so asked for; anything else as written.
        public var text: ByteView
    }

    public let pathCount: Int
    private let reader: OpaquePointer
    /// One a path; where they are does not change once all paths are in.
    private let cells: UnsafePointer<millrace_cell>?

    public init(paths: [JSONPath], unknown: UnknownMembers = .ignore) {
        unsafe reader = millrace_reader_new()
        pathCount = paths.count
        let rule =
            switch unknown {
            case .ignore: MILLRACE_UNKNOWN_IGNORE
            case .keep: MILLRACE_UNKNOWN_KEEP
            case .refuse: MILLRACE_UNKNOWN_REFUSE
            }
        unsafe millrace_reader_unknown(reader, Int32(rule), Self.maximumUnknownCount)
        for path in paths { unsafe Self.add(path, to: reader) }
        unsafe cells = millrace_reader_cells(reader)
    }

    deinit { unsafe millrace_reader_free(reader) }

    /// Reads one record. Values are valid until the next read, and as long as the record's bytes.
    ///
    /// Unsafe: 64 bytes behind the record must be readable (`EventBatch.padding`).
    @unsafe
    public func read(padded record: ByteView) -> Fault? {
        switch unsafe Int(millrace_reader_read(reader, record.start, record.count, Int32(Self.maximumDepth))) {
        case MILLRACE_READ_OK: nil
        case MILLRACE_READ_TOO_DEEP: .tooDeep
        case MILLRACE_READ_NO_OBJECT: .notAnObject
        case MILLRACE_READ_UNKNOWN: .unknownMember
        case MILLRACE_READ_TOO_MANY: .tooManyMembers
        default: .malformed
        }
    }

    /// The value at a path of the last record that was read without fault.
    public func value(_ path: Int, asWritten: Bool = false) -> Value {
        precondition(path >= 0 && path < pathCount, "no such path")
        guard let cell = unsafe cells?[path] else { return Value(kind: .none, text: .empty) }
        let kind: Value.Kind =
            switch unsafe cell.kind {
            case MILLRACE_CELL_STRING: .string
            case MILLRACE_CELL_NUMBER: .number
            case MILLRACE_CELL_TRUE: .yes
            case MILLRACE_CELL_FALSE: .no
            case MILLRACE_CELL_STRUCTURE: .structure
            default: .none
            }
        guard kind != .none, let start = unsafe asWritten ? cell.raw : cell.text else {
            return Value(kind: .none, text: .empty)
        }
        return unsafe Value(kind: kind, text: ByteView(start: start, count: asWritten ? cell.raw_count : cell.count))
    }

    /// The members that no path begins with, as an object; empty if there are none or they are not kept.
    /// Valid until the next read.
    public func rest() -> ByteView {
        var count = 0
        guard let text = unsafe millrace_reader_rest(reader, &count) else { return .empty }
        return unsafe ByteView(start: text, count: count)
    }

    @unsafe
    private static func add(_ path: JSONPath, to reader: OpaquePointer) {
        // All names lie in one buffer while the C side copies them.
        var names: [UInt8] = [0]
        var extents: [(from: Int, count: Int, index: Int)] = []
        for step in path.steps {
            switch step {
            case .name(let name):
                extents.append((names.count, name.count, 0))
                names += name
            case .index(let index): extents.append((-1, 0, index))
            }
        }
        unsafe names.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var steps: [millrace_path_step] = unsafe []
            for extent in extents {
                unsafe steps.append(
                    millrace_path_step(
                        name: extent.from < 0 ? nil : base + extent.from, count: extent.count, index: extent.index))
            }
            unsafe steps.withUnsafeBufferPointer { list in
                unsafe millrace_reader_add(reader, list.baseAddress, list.count)
            }
        }
    }
}
