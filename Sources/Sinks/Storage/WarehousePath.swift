internal import Event

/// The names in the warehouse (design section 6), and the guard that no path leaves it.
public enum WarehousePath {
    public static let control = "_millrace"
    public static let log = "_millrace/log"
    public static let checkpoints = "_millrace/checkpoint"
    public static let staging = "_millrace/staging"
    public static let quarantine = "_millrace/quarantine"
    /// Records in one folder of the log.
    public static let recordsPerFolder = 10_000
    /// Longest path in bytes, within the 4,096 of PATH_MAX with room for the root.
    public static let maximumByteCount = 2_048
    /// Longest component in bytes (NAME_MAX).
    public static let maximumNameByteCount = 255

    /// `_millrace/log/0000` for numbers below 10,000.
    public static func logFolder(of number: Int) -> String {
        log + "/" + padded(number / recordsPerFolder, 4)
    }

    /// `_millrace/log/0000/00000042.json`.
    public static func record(_ number: Int) -> String {
        logFolder(of: number) + "/" + padded(number, 8) + ".json"
    }

    /// `_millrace/checkpoint/00000040.json`.
    public static func checkpoint(_ number: Int) -> String {
        checkpoints + "/" + padded(number, 8) + ".json"
    }

    public static func staging(of incarnation: String) -> String { staging + "/" + incarnation }

    /// The lock that says that an incarnation lives.
    public static func lock(of incarnation: String) -> String { staging(of: incarnation) + "/lock" }

    /// The number in a record's or checkpoint's file name, or nil for any other name.
    public static func number(in name: String) -> Int? {
        guard name.hasSuffix(".json") else { return nil }
        let digits = name.utf8.dropLast(5)
        guard digits.count >= 8, digits.count <= 18, digits.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return Int(String(decoding: Array(digits), as: UTF8.self))
    }

    /// Whether a path stays inside: no empty, `.` or `..` component, no NUL, not absolute, not too long.
    public static func isSafe(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= maximumByteCount else { return false }
        return path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.count <= maximumNameByteCount && !part.contains(0)
                && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
        }
    }

    /// Whether a name is one safe component.
    public static func isSafeName(_ name: String) -> Bool {
        isSafe(name) && !name.utf8.contains(UInt8(ascii: "/"))
    }

    /// The folder of a path; `""` for a name at the root.
    public static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(path[..<slash])
    }

    /// The last component.
    public static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    /// `shop.orders` -> `shop/orders`; a name without a dot is itself. Nil if it is not a safe folder, or
    /// would lie among the hidden ones (`_...`, `.`): readers skip those.
    public static func folder(ofTable table: String) -> String? {
        let parts = table.parts(at: ".", maxSplits: 1)
        for part in parts where !isSafeName(part) || part.begins(with: "_") || part.begins(with: ".") { return nil }
        return parts.joined(separator: "/")
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
