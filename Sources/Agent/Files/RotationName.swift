/// The names that rotation gives: which file names may hold what another file began under.
///
/// A name *extends* another if it is that name and more behind it (`app.log.1`, `app.log-20250101.gz`,
/// `app.log.old`), or if only a number or date stands before its extension (`app.3.log`,
/// `app-2025-01-01.log.gz`).
enum RotationName {
    private static let compressions = [".gz", ".bz2", ".xz", ".zst", ".Z"]
    /// Longest name looked at: NAME_MAX of Linux.
    private static let maximumByteCount = 255

    /// The names that `name` extends, the longest first.
    static func origins(of name: String) -> [String] {
        let bytes = Array(name.utf8)
        guard bytes.count <= maximumByteCount else { return [] }
        var origins: [String] = []
        for index in stride(from: bytes.count - 1, to: 0, by: -1) where isSeparator(bytes[index]) {
            origins.append(String(decoding: bytes[..<index], as: UTF8.self))
        }
        // An infix of digits: app-2025-01-01.log is app.log.
        let plain = Array(uncompressed(name).utf8)
        if let dot = plain.lastIndex(of: UInt8(ascii: ".")), dot > 0 {
            var start = dot
            while start > 0, isDigitOrSeparator(plain[start - 1]) { start -= 1 }
            // Why every separator: the number in front may be the log's own (app-1-20250101.log is app-1.log).
            for cut in stride(from: dot - 1, through: max(start, 1), by: -1)
            where isSeparator(plain[cut]) && plain[cut..<dot].contains(where: isDigit) {
                origins.append(String(decoding: plain[..<cut] + plain[dot...], as: UTF8.self))
            }
        }
        return origins
    }

    /// The names that `name` extends by numbers, dates and the ending of a compression alone.
    static func generationOrigins(of name: String) -> [String] {
        let plain = uncompressed(name)
        return origins(of: plain).filter { origin in
            guard plain.hasPrefix(origin) else { return true }
            let more = plain.utf8.dropFirst(origin.utf8.count)
            return more.contains(where: isDigit) && more.allSatisfy(isDigitOrSeparator)
        }
    }

    /// The rotation number: all digits that `name` has more than `origin`, read as one number.
    static func number(of name: String, origin: String) -> UInt64 {
        let bytes = Array(uncompressed(name).utf8)
        let head = zip(bytes, Array(origin.utf8)).prefix { $0 == $1 }.count
        return bytes[head...].reduce(0) { sum, byte in
            isDigit(byte) ? sum &* 10 &+ UInt64(byte &- 48) : sum
        }
    }

    /// Whether the name says that the content is compressed.
    static func isCompressed(_ name: String) -> Bool { compressions.contains { name.hasSuffix($0) } }

    private static func uncompressed(_ name: String) -> String {
        for ending in compressions where name.hasSuffix(ending) { return String(name.dropLast(ending.count)) }
        return name
    }

    private static func isSeparator(_ byte: UInt8) -> Bool { ".-_~+".utf8.contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    private static func isDigitOrSeparator(_ byte: UInt8) -> Bool { isDigit(byte) || isSeparator(byte) }
}
