/// The units of the configuration: text to number and back.
enum Units {
    private static let durations: [(suffix: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    private static let sizes: [(suffix: String, byteCount: Int64)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000), ("kB", 1_000), ("B", 1),
    ]

    /// `500ms`, `60s`, `5m`, `1h`, `7d`: milliseconds. A bare `0` is allowed, any other number needs a unit.
    static func duration(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        guard let (number, suffix) = split(text) else { return nil }
        guard let unit = durations.first(where: { $0.suffix == suffix })?.milliseconds else { return nil }
        return product(number, unit)
    }

    /// `64KiB`, `128MiB`, `1GiB` (powers of 1024), `1KB`, `1MB` (powers of 1000), `512` or `512B` (bytes).
    static func size(_ text: String) -> Int64? {
        guard let (number, suffix) = split(text) else { return nil }
        if suffix.isEmpty { return number }
        guard let unit = sizes.first(where: { $0.suffix == suffix })?.byteCount else { return nil }
        return product(number, unit)
    }

    /// The shortest exact text of milliseconds.
    static func durationText(_ milliseconds: Int64) -> String {
        if milliseconds == 0 { return "0" }
        for unit in durations where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return "\(milliseconds)ms"
    }

    /// The shortest exact text of a byte count, in powers of 1024.
    static func sizeText(_ byteCount: Int64) -> String {
        if byteCount == 0 { return "0" }
        for unit in sizes.prefix(4) where byteCount % unit.byteCount == 0 {
            return "\(byteCount / unit.byteCount)\(unit.suffix)"
        }
        return "\(byteCount)B"
    }

    /// Octal file permissions with a leading 0 (`0640`).
    static func mode(_ text: String) -> UInt32? {
        guard text.first == "0", (2...5).contains(text.utf8.count) else { return nil }
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text.dropFirst(1)
        guard digits.utf8.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
        return UInt32(digits, radix: 8)
    }

    static func modeText(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(1, 4 - digits.utf8.count)) + digits
    }

    /// YAML 1.2's booleans, and the `yes`, `no`, `on`, `off` that people write.
    static func boolean(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE", "yes", "on": true
        case "false", "False", "FALSE", "no", "off": false
        default: nil
        }
    }

    private static func split(_ text: String) -> (number: Int64, suffix: String)? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, let number = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
        let rest = text.utf8.dropFirst(digits.count).drop { $0 == 0x20 }
        return (number, String(decoding: rest, as: UTF8.self))
    }

    private static func product(_ left: Int64, _ right: Int64) -> Int64? {
        let (value, isOverflow) = left.multipliedReportingOverflow(by: right)
        return isOverflow ? nil : value
    }
}
