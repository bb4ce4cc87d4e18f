public import Columns
public import Event
internal import JSON

/// Takes the envelope off one tool's records. What is inside stays the tool's own JSON, validated.
///
/// Whatever the bytes are, an outcome comes back. Reused; one thread at a time; nothing is allocated once it has met
/// its longest record.
@safe public final class ChangeDecoder {
    private enum Tool {
        case maxwell(MaxwellDecoder)
        case debezium(DebeziumDecoder)
        case canal(CanalDecoder)
    }

    /// What the last `decode` that gave changes found.
    public private(set) var event = ChangeEvent()
    private let tool: Tool

    public init(_ format: SyncSpec.Format) {
        tool =
            switch format {
            case .maxwell: .maxwell(MaxwellDecoder())
            case .debezium: .debezium(DebeziumDecoder())
            case .canal: .canal(CanalDecoder())
            }
    }

    /// Reads an event. `key` is the record's key in Kafka, empty without one; `topic` its topic's name.
    ///
    /// Unsafe: 64 bytes behind both must be readable (`EventBatch.padding`).
    @unsafe
    public func decode(padded text: ByteView, key: ByteView, topic: ByteView) -> ChangeOutcome {
        event = ChangeEvent()
        var text = text
        if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { text = text.slice(3, text.count) }
        let outcome =
            switch tool {
            case .maxwell(let decoder): unsafe decoder.decode(text, &event)
            case .debezium(let decoder): unsafe decoder.decode(text, key: key, topic: topic, &event)
            case .canal(let decoder): unsafe decoder.decode(text, &event)
            }
        guard case .refused(.malformed, nil) = outcome else { return outcome }
        return .refused(Self.reason(text))
    }

    /// Says more exactly why a text is not JSON.
    private static func reason(_ text: ByteView) -> Rejection {
        var isBlank = true
        for index in 0..<text.count where text[index] > 32 {
            isBlank = false
            break
        }
        if isBlank { return .blank }
        if !UTF8Text.isValid(text) { return .invalidUTF8 }
        return text.firstIndex(of: 0, from: 0) < text.count ? .nulByte : .malformed
    }
}

extension DocumentReader.Fault {
    var rejection: Rejection {
        switch self {
        case .tooDeep: .tooDeep
        case .tooManyMembers: .tooManyColumns
        case .unknownMember: .unknownField
        case .malformed, .notAnObject: .malformed
        }
    }
}

extension DocumentReader {
    /// A whole number at a path, or nil.
    func whole(_ path: Int) -> Int64? {
        let value = value(path)
        return value.kind == .number ? Whole.read(value.text) : nil
    }

    /// A string at a path, unescaped; empty if there is none.
    func string(_ path: Int) -> ByteView {
        let value = value(path)
        return value.kind == .string ? value.text : .empty
    }

    /// An object at a path as written; empty if there is none.
    func object(_ path: Int) -> ByteView {
        let value = value(path)
        guard value.kind == .structure, value.text[0] == UInt8(ascii: "{") else { return .empty }
        return value.text
    }

    /// An array at a path as written; empty if there is none.
    func array(_ path: Int) -> ByteView {
        let value = value(path)
        guard value.kind == .structure, value.text[0] == UInt8(ascii: "[") else { return .empty }
        return value.text
    }
}

extension ByteView {
    /// Whether it is a JSON object without members, or nothing at all. The text must be valid.
    var isEmptyObject: Bool {
        var parts = JSONParts(self)
        return parts.next() == nil
    }
}

/// Times as the tools write them.
enum CommitTime {
    /// The last second of the year 9999: seconds beyond it are milliseconds.
    private static let lastSecond: Int64 = 253_402_300_799

    /// Seconds, or milliseconds (Maxwell's DDL).
    static func seconds(_ value: Int64) -> Int64? {
        value > lastSecond ? milliseconds(value) : scaled(value, 1_000_000)
    }

    static func milliseconds(_ value: Int64) -> Int64? { scaled(value, 1_000) }

    static func microseconds(_ value: Int64) -> Int64? { scaled(value, 1) }

    /// Nil outside the years 1 to 9999.
    private static func scaled(_ value: Int64, _ factor: Int64) -> Int64? {
        let (micros, overflow) = value.multipliedReportingOverflow(by: factor)
        return !overflow && micros >= -62_135_596_800_000_000 && micros <= lastSecond * 1_000_000 + 999_999
            ? micros : nil
    }
}
