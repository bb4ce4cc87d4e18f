/// The key of a transport record, in its printable text form (design section 3):
///
///     m1 <kind> <framing> <agent> <source> <stream> <from> <to> [<prev>]
///
/// fields separated by one space, for example
///
///     m1 d l shop-7 access 5f0c…(32 digits) 65536 131072
///
/// `m1` is the version. `agent` and `source` are escaped: every byte but `A-Z a-z 0-9 . _ -` becomes
/// `%` and two upper-case hexadecimal digits, so the form is unambiguous. `prev` is written only where
/// it differs from `from`; `[prev, from)` is what the agent left out on purpose. For a piece, framing
/// is `<index>/<count>` (from 1; count 0 while the end of the record is not known).
public struct PackKey: Hashable, Sendable {
    /// What a record says; one letter of the text form.
    public enum Kind: UInt8, Sendable, CaseIterable {
        case data = 0x64        // d: events
        case piece = 0x70       // p: a part of an over-long record
        case progress = 0x67    // g: bytes left out, with no record behind them yet
        case announce = 0x61    // a: a stream begins
        case end = 0x65         // e: a stream is over
        case watermark = 0x77   // w: everything older than a time was sent before this
    }

    /// How the value holds the events.
    public enum Framing: Hashable, Sendable {
        /// The bytes of the file without the last line feed.
        case lines
        /// A sequence of gap, span, length, bytes (see `RecordsFraming`).
        case records
        /// Part `index` (from 1) of `count`; count 0: the end is not known yet.
        case piece(index: UInt32, count: UInt32)
        /// A control record.
        case none
    }

    /// Longest agent or source name, in bytes before escaping.
    public static let maximumNameByteCount = 64
    /// Longest text form: 3 + 2 + 22 (piece i/n) + 2 x (3 x 64 + 1) + 33 + 3 x 33 (positions), rounded up.
    public static let maximumByteCount = 560

    public var kind: Kind
    public var framing: Framing
    public var agent: String
    public var source: String
    public var stream: StreamID
    /// What the value holds is `[from, to)`. Equal only for announce, end and watermark records.
    public var from: Position
    public var to: Position
    /// `[prev, from)` was left out on purpose; equal to `from` where nothing was.
    public var prev: Position

    public init(
        kind: Kind, framing: Framing, agent: String, source: String, stream: StreamID,
        prev: Position? = nil, from: Position, to: Position
    ) {
        self.kind = kind
        self.framing = framing
        self.agent = agent
        self.source = source
        self.stream = stream
        self.from = from
        self.to = to
        self.prev = prev ?? from
    }
}

extension PackKey {
    /// Appends the text form.
    public func appendText(to bytes: inout [UInt8]) {
        Self.appendHead(kind: kind, framing: framing, to: &bytes)
        Self.appendEscaped(agent.utf8, to: &bytes)
        bytes.append(space)
        Self.appendEscaped(source.utf8, to: &bytes)
        bytes.append(space)
        stream.appendText(to: &bytes)
        appendTail(to: &bytes)
    }

    /// Appends ` <from> <to>[ <prev>]`: what changes from pack to pack of one stream.
    public func appendTail(to bytes: inout [UInt8]) {
        Self.appendTail(prev: prev, from: from, to: to, into: &bytes)
    }

    /// Appends `m1 <kind> <framing> `: what is the same for all packs of a kind.
    public static func appendHead(kind: Kind, framing: Framing, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "m"))
        bytes.append(UInt8(ascii: "1"))
        bytes.append(space)
        bytes.append(kind.rawValue)
        bytes.append(space)
        switch framing {
        case .lines: bytes.append(UInt8(ascii: "l"))
        case .records: bytes.append(UInt8(ascii: "r"))
        case .none: bytes.append(UInt8(ascii: "-"))
        case .piece(let index, let count):
            appendDecimal(UInt64(index), to: &bytes)
            bytes.append(UInt8(ascii: "/"))
            appendDecimal(UInt64(count), to: &bytes)
        }
        bytes.append(space)
    }

    /// Appends ` <from> <to>[ <prev>]` of ranges that belong to no key yet.
    public static func appendTail(prev: Position, from: Position, to: Position, into bytes: inout [UInt8]) {
        bytes.append(space)
        appendPosition(from, to: &bytes)
        bytes.append(space)
        appendPosition(to, to: &bytes)
        if prev != from {
            bytes.append(space)
            appendPosition(prev, to: &bytes)
        }
    }

    /// Appends a name with every byte but `A-Z a-z 0-9 . _ -` escaped as `%XX`.
    public static func appendEscaped(_ name: some Sequence<UInt8>, to bytes: inout [UInt8]) {
        for byte in name {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(hexadecimal(byte >> 4))
                bytes.append(hexadecimal(byte & 15))
            }
        }
    }

    public var text: String {
        var bytes: [UInt8] = []
        appendText(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension PackKey {
    /// Parses the text form. Nil on anything that `appendText` would not have written: unknown
    /// version, kind or framing, a bad escape, an empty or backwards range where one must hold bytes.
    public init?(parsing bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.maximumByteCount else { return nil }
        let fields = Array(bytes).split(separator: space, omittingEmptySubsequences: false)
        guard fields.count == 8 || fields.count == 9, fields[0].elementsEqual("m1".utf8),
            fields[1].count == 1, let kind = Kind(rawValue: fields[1][fields[1].startIndex]),
            let framing = Self.parseFraming(fields[2]),
            let agent = Self.unescape(fields[3]), let source = Self.unescape(fields[4]),
            let stream = StreamID(text: fields[5]),
            let from = Position(text: fields[6]), let to = Position(text: fields[7])
        else { return nil }
        var prev = from
        if fields.count == 9 {
            guard let parsed = Position(text: fields[8]), parsed < from else { return nil }
            prev = parsed
        }
        self.init(
            kind: kind, framing: framing, agent: agent, source: source, stream: stream,
            prev: prev, from: from, to: to)
        guard isConsistent else { return nil }
    }

    /// The rules between kind, framing and range.
    public var isConsistent: Bool {
        switch (kind, framing) {
        case (.data, .lines), (.data, .records): return from < to && prev <= from
        case (.piece, .piece(let index, let count)):
            return index >= 1 && (count == 0 || index <= count) && from < to && prev <= from
        case (.progress, .none): return prev < from && from == to
        case (.announce, .none), (.end, .none), (.watermark, .none): return from == to && prev == from
        default: return false
        }
    }

    private static func parseFraming(_ field: ArraySlice<UInt8>) -> Framing? {
        if field.count == 1, let byte = field.first {
            switch byte {
            case UInt8(ascii: "l"): return .lines
            case UInt8(ascii: "r"): return .records
            case UInt8(ascii: "-"): return Framing.none
            default: return nil
            }
        }
        guard let slash = field.firstIndex(of: UInt8(ascii: "/")),
            let index = decimal(field[..<slash]), let count = decimal(field[field.index(after: slash)...]),
            index <= UInt64(UInt32.max), count <= UInt64(UInt32.max)
        else { return nil }
        return .piece(index: UInt32(index), count: UInt32(count))
    }

    private static func unescape(_ field: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var index = field.startIndex
        while index < field.endIndex {
            let byte = field[index]
            if isPlain(byte) {
                bytes.append(byte)
                index += 1
            } else {
                guard byte == UInt8(ascii: "%"), index + 2 < field.endIndex,
                    let high = hexadecimalValue(field[index + 1]), let low = hexadecimalValue(field[index + 2])
                else { return nil }
                let value = high << 4 | low
                guard !isPlain(value) else { return nil }
                bytes.append(value)
                index += 3
            }
        }
        guard bytes.count <= maximumNameByteCount, !bytes.isEmpty else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

private let space = UInt8(ascii: " ")

private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}

private func hexadecimal(_ value: UInt8) -> UInt8 { value < 10 ? 48 &+ value : 55 &+ value }

private func hexadecimalValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- 48
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- 55
    default: nil
    }
}

private func appendPosition(_ position: Position, to bytes: inout [UInt8]) {
    appendDecimal(position.major, to: &bytes)
    if position.minor != 0 {
        bytes.append(UInt8(ascii: "."))
        appendDecimal(UInt64(position.minor), to: &bytes)
    }
}

/// Appends an unsigned decimal without allocating.
public func appendDecimal(_ value: UInt64, to bytes: inout [UInt8]) {
    var divisor: UInt64 = 1
    while value / divisor >= 10 { divisor *= 10 }
    var rest = value
    while divisor > 0 {
        bytes.append(48 &+ UInt8(truncatingIfNeeded: rest / divisor))
        rest %= divisor
        divisor /= 10
    }
}
