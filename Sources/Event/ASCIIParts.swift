/// Texts cut and joined at ASCII bytes.
///
/// Why not what the standard library has for it: that goes by characters, and a byte such as `.` that a combining mark
/// follows is no character of its own. A table's name may begin with one.
extension StringProtocol {
    /// The parts between bytes `separator`, which is ASCII; empty ones too, `maxSplits` + 1 at most.
    @inlinable public func parts(at separator: Unicode.Scalar, maxSplits: Int = .max) -> [String] {
        utf8.split(separator: UInt8(ascii: separator), maxSplits: maxSplits, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The text with every byte `byte`, which is ASCII, replaced.
    @inlinable public func replacing(byte: Unicode.Scalar, with other: String) -> String {
        utf8.contains(UInt8(ascii: byte)) ? parts(at: byte).joined(separator: other) : String(self)
    }

    /// Whether the text begins with these bytes, whatever follows them.
    @inlinable public func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether the text ends with these bytes, whatever comes before them.
    @inlinable public func ends(with suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }
}
