internal import Event

/// Names to numbers, looked up by their bytes: the fields that a route's columns read. A fixed table with
/// open addressing, at most half full, so that a look-up is a few comparisons whatever the event names.
struct FieldNames: Sendable {
    private let bytes: [UInt8]
    /// Name `i` is `bytes[ends[i] ..< ends[i + 1]]`.
    private let ends: [Int32]
    private let slots: [Int32]

    var count: Int { ends.count - 1 }

    /// The names must be distinct.
    init(_ names: [String]) {
        var bytes: [UInt8] = []
        var ends: [Int32] = [0]
        for name in names {
            bytes += name.utf8
            ends.append(Int32(bytes.count))
        }
        var size = 8
        while size < names.count * 2 { size *= 2 }
        var slots = [Int32](repeating: -1, count: size)
        for index in names.indices {
            var slot = Int(Self.hash(names[index].utf8) & UInt64(size - 1))
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(index)
        }
        self.bytes = bytes
        self.ends = ends
        self.slots = slots
    }

    /// The number of a name, or -1.
    func index(of name: ByteView) -> Int {
        var slot = Int(Self.hash(name) & UInt64(slots.count - 1))
        while slots[slot] >= 0 {
            if isName(Int(slots[slot]), name) { return Int(slots[slot]) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return -1
    }

    /// Whether name number `index` is these bytes.
    func isName(_ index: Int, _ name: ByteView) -> Bool {
        let from = Int(ends[index])
        guard Int(ends[index + 1]) - from == name.count else { return false }
        var at = 0
        while at < name.count {
            if bytes[from + at] != name[at] { return false }
            at += 1
        }
        return true
    }

    /// FNV-1a. Why: names come from the configuration, so an event can at worst meet a chosen one.
    private static func hash(_ name: some Sequence<UInt8>) -> UInt64 {
        name.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    static func hash(_ name: ByteView) -> UInt64 {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        var index = 0
        while index < name.count {
            value = (value ^ UInt64(name[index])) &* 0x100_0000_01B3
            index += 1
        }
        return value
    }
}
