internal import Event

extension ByteView {
    /// Equality with a lower-case constant, the case of ASCII letters aside.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let wanted = unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount)
        for index in 0..<count where lowercased(self[index]) != wanted[index] { return false }
        return true
    }

    private func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 0x20 : byte }

    /// Without blanks (space, tab) at its ends.
    var trimmed: ByteView {
        var from = 0
        var to = count
        while from < to, self[from] == 32 || self[from] == 9 { from += 1 }
        while to > from, self[to - 1] == 32 || self[to - 1] == 9 { to -= 1 }
        return slice(from, to)
    }
}
