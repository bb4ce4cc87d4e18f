internal import Event

/// Finds a column by the bytes of its name: first the one expected next, else by hash.
///
/// Read-only after it was made; a look-up allocates nothing.
struct NameTable {
    private var bytes: [UInt8] = []
    private var ends: [Int32] = []
    /// Open addressing: index + 1, or 0.
    private var slots: [Int32]
    private let mask: Int

    init(_ names: [[UInt8]]) {
        var size = 16
        while size < names.count * 2 { size *= 2 }
        mask = size - 1
        slots = [Int32](repeating: 0, count: size)
        for (index, name) in names.enumerated() {
            bytes += name
            ends.append(Int32(bytes.count))
            var hash = Self.seed
            for byte in name { hash = Self.step(hash, byte) }
            var slot = Int(truncatingIfNeeded: hash >> 20) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(index + 1)
        }
    }

    var count: Int { ends.count }

    /// The column of a name, `expected` tried first.
    func index(of name: ByteView, expected: Int) -> Int? {
        if expected < ends.count, isName(expected, name) { return expected }
        var hash = Self.seed
        for index in 0..<name.count { hash = Self.step(hash, name[index]) }
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if isName(index, name) { return index }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func isName(_ index: Int, _ name: ByteView) -> Bool {
        let from = index == 0 ? 0 : Int(ends[index - 1])
        guard Int(ends[index]) - from == name.count else { return false }
        for offset in 0..<name.count where bytes[from + offset] != name[offset] { return false }
        return true
    }

    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325
    private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
