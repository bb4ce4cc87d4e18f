internal import Event

/// Reads structures in Thrift's compact protocol. The bytes may be hostile: every length is checked against
/// what is left, nesting is bounded, and nothing is allocated beyond the bytes' own size.
struct ThriftInput {
    /// Deepest nesting of unknown structures that is skipped.
    static let maximumDepth = 32

    private let bytes: [UInt8]
    private(set) var at: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int = 0) {
        self.bytes = bytes
        at = start
        end = bytes.count
    }

    /// What a field's header says.
    struct Field {
        var id: Int
        var kind: UInt8
        var isTrue: Bool { kind == 1 }
    }

    private mutating func byte() throws(Failure) -> UInt8 {
        guard at < end else { throw Damage.corrupt("the metadata ends in the middle") }
        at += 1
        return bytes[at - 1]
    }

    /// A value of the type byte.
    mutating func rawByte() throws(Failure) -> UInt8 { try byte() }

    private mutating func varint() throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 64 else { throw Damage.corrupt("a number in the metadata is too long") }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    mutating func integer() throws(Failure) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// An integer that counts or measures: 0...maximum.
    mutating func size(_ what: String, maximum: Int64 = .max) throws(Failure) -> Int {
        let value = try integer()
        guard value >= 0, value <= maximum else { throw Damage.corrupt("\(what) is \(value)") }
        return Int(value)
    }

    mutating func binary() throws(Failure) -> [UInt8] {
        let count = try varint()
        guard count <= UInt64(end - at) else { throw Damage.corrupt("a text in the metadata is too long") }
        at += Int(count)
        return Array(bytes[at - Int(count)..<at])
    }

    mutating func text() throws(Failure) -> String { String(decoding: try binary(), as: UTF8.self) }

    /// Calls `body` for each field of a structure; it reads the value, or returns false to have it skipped.
    mutating func structure(
        depth: Int = 0, _ body: (inout ThriftInput, Field) throws(Failure) -> Bool
    ) throws(Failure) {
        var id = 0
        while true {
            let header = try byte()
            if header == 0 { return }
            let step = Int(header >> 4)
            if step == 0 {
                let value = try integer()
                guard value > 0, value < 1 << 16 else { throw Damage.corrupt("field \(value) of the metadata") }
                id = Int(value)
            } else {
                id += step
            }
            let field = Field(id: id, kind: header & 0x0F)
            if try !body(&self, field) { try skip(field.kind, depth: depth) }
        }
    }

    /// Calls `body` for each element of a list, at most one for each byte that is left.
    mutating func list(_ body: (inout ThriftInput) throws(Failure) -> Void) throws(Failure) {
        let (count, _) = try listHeader()
        for _ in 0..<count { try body(&self) }
    }

    private mutating func listHeader() throws(Failure) -> (count: Int, kind: UInt8) {
        let header = try byte()
        var count = UInt64(header >> 4)
        if count == 15 { count = try varint() }
        guard count <= UInt64(end - at) else { throw Damage.corrupt("a list in the metadata is too long") }
        return (Int(count), header & 0x0F)
    }

    private mutating func skip(_ kind: UInt8, depth: Int) throws(Failure) {
        guard depth < Self.maximumDepth else { throw Damage.corrupt("the metadata is nested too deep") }
        switch kind {
        case 1, 2: break
        case 3: _ = try byte()
        case 4, 5, 6: _ = try varint()
        case 7:
            for _ in 0..<8 { _ = try byte() }
        case 8: _ = try binary()
        case 9, 10:
            let (count, element) = try listHeader()
            for _ in 0..<count {
                // Booleans of a list take a byte each.
                if element == 1 || element == 2 { _ = try byte() } else { try skip(element, depth: depth + 1) }
            }
        case 11:
            let count = try varint()
            guard count <= UInt64(end - at) else { throw Damage.corrupt("a map in the metadata is too long") }
            guard count > 0 else { return }
            let kinds = try byte()
            for _ in 0..<count {
                try skip(kinds >> 4, depth: depth + 1)
                try skip(kinds & 0x0F, depth: depth + 1)
            }
        case 12: try structure(depth: depth + 1) { _, _ in false }
        default: throw Damage.corrupt("the metadata has an unknown type \(kind)")
        }
    }
}
