internal import Event
internal import JSON
internal import Schema

/// JSON as MySQL prints its type: names by length, then by bytes, the last of equal ones; `, ` and `: ` between;
/// integers of 64 bits as they are, all other numbers as doubles.
///
/// What stays different: a DECIMAL in JSON keeps its zeros in the database (1.10). `isSame` compares values.
enum JSONNormalForm {
    /// Appends the normal form of a text; false, and nothing: it is no JSON.
    static func append(_ text: ByteView, to bytes: inout [UInt8]) -> Bool {
        guard let node = JSONNode(text.array) else { return false }
        node.append(to: &bytes)
        return true
    }

    /// Whether two texts stand for the same value; numbers are what they are worth.
    static func isSame(database: [UInt8], warehouse: [UInt8]) -> Bool {
        guard let left = JSONNode(database), let right = JSONNode(warehouse) else { return database == warehouse }
        return left.isSame(as: right)
    }
}

/// A value in a JSON text, its numbers as written.
enum JSONNode {
    case word([UInt8])
    case number([UInt8])
    /// Without quotes and escapes.
    case string([UInt8])
    case array([JSONNode])
    /// In normal order, each name once.
    case object([(name: [UInt8], value: JSONNode)])

    /// Parses a text (RFC 8259); nil: it is no JSON, or nested deeper than MySQL's JSON, which has 100 levels at most.
    init?(_ text: [UInt8]) {
        // Why: the reader takes objects, and bytes that it may read behind them.
        var document = Array("{\"\":".utf8) + text + [UInt8(ascii: "}")]
        let count = document.count
        document += [UInt8](repeating: 0, count: EventBatch.padding)
        let node = unsafe document.withUnsafeBytes { bytes -> JSONNode? in
            let view = unsafe ByteView(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            guard unsafe DocumentReader(paths: []).read(padded: view) == nil else { return nil }
            var parts = JSONParts(view)
            // Why: a text may close the object itself, or go on behind a comma.
            guard let (_, value) = parts.next(), parts.next() == nil, !parts.isBroken else { return nil }
            return JSONNode(value, Scratch(capacity: 64))
        }
        guard let node else { return nil }
        self = node
    }

    /// A value of a document that was validated.
    private init(_ part: JSONPart, _ scratch: Scratch) {
        switch part.kind {
        case .string: self = .string(Self.text(part, scratch))
        case .number: self = .number(part.raw.array)
        case .structure:
            var parts = JSONParts(part.raw, isArray: !part.isObject)
            var members: [(name: [UInt8], value: JSONNode)] = []
            while let (name, value) = parts.next() {
                members.append((part.isObject ? Self.text(name, scratch) : [], JSONNode(value, scratch)))
            }
            self = part.isObject ? .object(Self.ordered(members)) : .array(members.map(\.value))
        case .missing, .null, .yes, .no: self = .word(part.raw.array)
        }
    }

    private static func text(_ part: JSONPart, _ scratch: Scratch) -> [UInt8] {
        guard part.hasEscape else { return part.inside.array }
        scratch.removeAll()
        scratch.append(unescaped: part.inside)
        return scratch.view.array
    }

    /// In normal order, and of equal names the last.
    private static func ordered(
        _ members: [(name: [UInt8], value: JSONNode)]
    ) -> [(name: [UInt8], value: JSONNode)] {
        let order = members.indices.sorted {
            let (left, right) = (members[$0].name, members[$1].name)
            if left == right { return $0 < $1 }
            return left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
        }
        var found: [(name: [UInt8], value: JSONNode)] = []
        for index in order {
            if found.last?.name == members[index].name { found.removeLast() }
            found.append(members[index])
        }
        return found
    }

    func append(to bytes: inout [UInt8]) {
        switch self {
        case .word(let text): bytes += text
        case .number(let text): JSONNumber.append(text, to: &bytes)
        case .string(let text): Self.appendQuoted(text, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes += ", ".utf8 }
                value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes += ", ".utf8 }
                Self.appendQuoted(member.name, to: &bytes)
                bytes += ": ".utf8
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func appendQuoted(_ text: [UInt8], to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 8: bytes += "\\b".utf8
            case 9: bytes += "\\t".utf8
            case 10: bytes += "\\n".utf8
            case 12: bytes += "\\f".utf8
            case 13: bytes += "\\r".utf8
            case 0..<32:
                bytes += "\\u00".utf8
                for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 48 + digit : 87 + digit) }
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether the warehouse's value is the one that the database (this) has.
    func isSame(as other: JSONNode) -> Bool {
        switch (self, other) {
        case (.word(let left), .word(let right)), (.string(let left), .string(let right)): left == right
        case (.number(let left), .number(let right)): JSONNumber.isSame(database: left, warehouse: right)
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count
                && zip(left, right).allSatisfy { $0.name == $1.name && $0.value.isSame(as: $1.value) }
        default: false
        }
    }
}

/// Numbers in JSON.
enum JSONNumber {
    /// Digits that a double never needs more of.
    private static let doubleDigitCount = 17

    private static func isWhole(_ text: [UInt8]) -> Bool {
        text.allSatisfy { $0 == UInt8(ascii: "-") || (48...57).contains($0) }
    }

    /// Appends a number as MySQL prints it.
    static func append(_ text: [UInt8], to bytes: inout [UInt8]) {
        let string = String(decoding: text, as: UTF8.self)
        if isWhole(text) {
            if let value = Int64(string) { return ColumnText.append(value, to: &bytes) }
            if let value = UInt64(string) {
                bytes += String(value).utf8
                return
            }
        }
        guard let value = Double(string), value.isFinite else {
            bytes += text
            return
        }
        let start = bytes.count
        FloatingText.append(value, to: &bytes)
        if bytes[start...].allSatisfy({ $0 == UInt8(ascii: "-") || (48...57).contains($0) }) { bytes += ".0".utf8 }
    }

    /// Whether two numbers are worth the same: exactly, or as doubles where the database's may be one.
    static func isSame(database: [UInt8], warehouse: [UInt8]) -> Bool {
        let (left, right) = (Exact(database), Exact(warehouse))
        if left == right { return true }
        // What the database prints without a point is an integer, or a DECIMAL: exact.
        guard !isWhole(database), left.digits.count <= doubleDigitCount else { return false }
        let first = Double(String(decoding: database, as: UTF8.self))
        return first != nil && first == Double(String(decoding: warehouse, as: UTF8.self))
    }

    /// `digits * 10^exponent`, without zeros at either end of the digits.
    private struct Exact: Equatable {
        var isNegative = false
        var digits: [UInt8] = []
        var exponent = 0

        init(_ text: [UInt8]) {
            var isFraction = false
            for (index, byte) in text.enumerated() {
                switch byte {
                case UInt8(ascii: "-"): isNegative = true
                case UInt8(ascii: "."): isFraction = true
                case UInt8(ascii: "e"), UInt8(ascii: "E"):
                    let shift = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                    exponent = exponent.addingReportingOverflow(shift).partialValue
                    normalize()
                    return
                default:
                    if isFraction { exponent -= 1 }
                    digits.append(byte)
                }
            }
            normalize()
        }

        private mutating func normalize() {
            while digits.last == UInt8(ascii: "0") {
                digits.removeLast()
                exponent = exponent.addingReportingOverflow(1).partialValue
            }
            digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
            if digits.isEmpty { (isNegative, exponent) = (false, 0) }
        }
    }
}
