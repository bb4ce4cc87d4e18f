internal import Event

/// Reads shapes as they are written in a configuration: `map<string, list<decimal(18,2)>>`.
///
///     shape  = scalar | "list<" shape ">" | "map<" shape "," shape ">" | "struct<" field ("," field)* ">"
///     field  = name ":" shape
///     name   = letters, digits, "_", "-" and "$" | "`" any text, with "``" for "`" "`"
///
/// Blanks between the parts mean nothing.
struct ShapeText {
    /// Why a text is no shape.
    enum Fault: Error {
        case unknownType(String)
        case badDecimal
        case other(String)
    }

    /// Longest name of a field in bytes.
    static let maximumNameByteCount = 128

    private let bytes: [UInt8]
    private var at = 0

    private init(_ text: String) { bytes = Array(text.utf8) }

    static func read(_ text: String) throws(Fault) -> ColumnShape {
        var reader = ShapeText(text)
        let shape = try reader.shape(depth: 0)
        reader.skipBlanks()
        guard reader.at == reader.bytes.count else { throw .other("there is more behind its end") }
        guard shape.leafCount <= ColumnShape.maximumFieldCount else {
            throw .other("it has more than \(ColumnShape.maximumFieldCount) scalars")
        }
        return shape
    }

    /// A field's name as it is written.
    static func quoted(_ name: String) -> String {
        name.utf8.allSatisfy(isPlain) && !name.isEmpty ? name : "`" + name.replacing(byte: "`", with: "``") + "`"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || [0x5F, 0x2D, 0x24].contains(byte)
    }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 32 || bytes[at] == 9 || bytes[at] == 10 || bytes[at] == 13 { at += 1 }
    }

    private mutating func take(_ byte: Character) -> Bool {
        skipBlanks()
        guard at < bytes.count, bytes[at] == byte.asciiValue else { return false }
        at += 1
        return true
    }

    private mutating func expect(_ byte: Character, _ place: String) throws(Fault) {
        guard take(byte) else { throw .other("\"\(byte)\" is missing \(place)") }
    }

    private mutating func shape(depth: Int) throws(Fault) -> ColumnShape {
        skipBlanks()
        let from = at
        while at < bytes.count, Self.isPlain(bytes[at]) { at += 1 }
        let name = String(decoding: bytes[from..<at], as: UTF8.self)
        guard let type = ColumnType(rawValue: name) else { throw .unknownType(name) }
        if type == .decimal { return try decimal(from: from) }
        guard type.isNested else { return ColumnShape(type) }
        guard depth < ColumnShape.maximumDepth else {
            throw .other("it is nested deeper than \(ColumnShape.maximumDepth) levels")
        }
        try expect("<", "behind \(name)")
        let shape: ColumnShape
        switch type {
        case .list: shape = .list(try self.shape(depth: depth + 1))
        case .map: shape = try map(depth: depth + 1)
        default: shape = .structure(try fields(depth: depth + 1))
        }
        try expect(">", "at the end of \(name)")
        return shape
    }

    private mutating func decimal(from: Int) throws(Fault) -> ColumnShape {
        while at < bytes.count, bytes[at] != UInt8(ascii: ")") { at += 1 }
        at = min(at + 1, bytes.count)
        guard let shape = ColumnShape(scalar: String(decoding: bytes[from..<at], as: UTF8.self)) else {
            throw .badDecimal
        }
        return shape
    }

    private mutating func map(depth: Int) throws(Fault) -> ColumnShape {
        let key = try shape(depth: depth)
        guard ColumnShape.keyTypes.contains(key.type) else {
            let types = ColumnShape.keyTypes.map(\.rawValue).joined(separator: ", ")
            throw .other("keys of a map are \(types), not \(key.text)")
        }
        try expect(",", "between a map's key and its value")
        return .map(key, try shape(depth: depth))
    }

    private mutating func fields(depth: Int) throws(Fault) -> [ColumnField] {
        var fields: [ColumnField] = []
        var names: Set<String> = []
        repeat {
            let name = try fieldName()
            // Why: Hive knows no case in names of fields.
            guard names.insert(name.lowercased()).inserted else {
                throw .other("the field \"\(name)\" is there twice; names differ by more than case")
            }
            guard fields.count < ColumnShape.maximumFieldCount else { throw .other("a struct has too many fields") }
            try expect(":", "behind the field \"\(name)\"")
            fields.append(ColumnField(name, try shape(depth: depth)))
        } while take(",")
        return fields
    }

    private mutating func fieldName() throws(Fault) -> String {
        var name: [UInt8] = []
        if take("`") {
            while at < bytes.count {
                let byte = bytes[at]
                at += 1
                if byte == UInt8(ascii: "`") {
                    guard at < bytes.count, bytes[at] == byte else { break }
                    at += 1
                }
                name.append(byte)
            }
        } else {
            while at < bytes.count, Self.isPlain(bytes[at]) {
                name.append(bytes[at])
                at += 1
            }
        }
        guard !name.isEmpty, name.count <= Self.maximumNameByteCount, name.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { throw .other("a field of a struct has no name, or a bad one") }
        return String(decoding: name, as: UTF8.self)
    }
}

extension ColumnShape {
    /// Reads a shape as a configuration has it. Nil if it is none.
    public init?(_ text: String) {
        do throws(ShapeText.Fault) { self = try ShapeText.read(text) } catch { return nil }
    }

    /// Why a text is no shape, as the end of a sentence; nil if it is one. `unknownType` has the word that is no type.
    public static func fault(in text: String) -> (reason: String, unknownType: String?)? {
        do throws(ShapeText.Fault) {
            _ = try ShapeText.read(text)
            return nil
        } catch {
            switch error {
            case .unknownType(let word): return ("\"\(word.prefix(40))\" is no type", word)
            case .badDecimal:
                return ("write decimal(18,2): 1 to 38 digits, and how many of them stand behind the point", nil)
            case .other(let reason): return (reason, nil)
            }
        }
    }
}
