internal import CMariaDB
public import Event

/// Where a database is, and how it is reached.
public struct DatabaseAddress: Sendable, Equatable {
    /// How TLS is used.
    public enum TLS: Int32, Sendable, CaseIterable {
        case never = 0
        /// If the server has it.
        case prefer
        case require
        /// Required, and the certificate must be the host's.
        case verify

        public var name: String { "\(self)" }
    }

    public var user: String
    public var host: String
    public var port: UInt32 = 3306
    public var tls = TLS.prefer
    /// File of the authorities that are trusted.
    public var authorities: String?
    /// Seconds that connecting may take.
    public var timeout: UInt32 = 20

    /// Reads `mysql://user@host:port/` (or `mariadb:`). Nil for anything else, and where a password stands in it.
    public init?(_ text: String) {
        guard let scheme = text.firstRange(of: "://"),
            ["mysql", "mariadb"].contains(String(text[..<scheme.lowerBound]))
        else { return nil }
        let rest = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        let parts = rest.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(":") else { return nil }
        user = String(parts[0])
        let place = parts[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = place.first, !host.isEmpty else { return nil }
        self.host = String(host)
        guard place.count == 2 else { return }
        guard let port = UInt16(place[1]), port > 0 else { return nil }
        self.port = UInt32(port)
    }
}

/// A connection to MySQL or MariaDB: statements, and rows as they come. One thread at a time.
///
///     init -> (run -> next*)* -> deinit
// Safety: `handle` is owned, and closed once; values are copied before the next call.
@safe public final class DatabaseConnection {
    private let handle: OpaquePointer

    /// Connects. Throws `database.refused`.
    public init(_ address: DatabaseAddress, password: String) throws(Failure) {
        let handle = unsafe millrace_database_connect(
            address.host, address.port, nil, address.user, password, address.tls.rawValue, address.authorities,
            address.timeout)
        guard let handle = unsafe handle else {
            throw Failure("database.refused", stage: .source, kind: .transient, "no memory for a connection")
        }
        unsafe self.handle = handle
        if let reason = unsafe millrace_database_error(handle) {
            let cause = unsafe String(cString: reason)
            throw Failure(
                "database.refused", stage: .source, kind: .transient,
                "cannot connect to \(address.host):\(address.port) as \(address.user)",
                hint: "look at address, user, password and TLS", cause: cause)
        }
    }

    deinit { unsafe millrace_database_close(handle) }

    /// Runs a statement; its rows are read by `next`. Throws `database.failed`.
    public func run(_ statement: String) throws(Failure) {
        let bytes = Array(statement.utf8CString)
        let result = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe millrace_database_run(handle, buffer.baseAddress, buffer.count - 1)
        }
        if result != 0 { throw failure(statement) }
    }

    private func failure(_ statement: String) -> Failure {
        let reason = unsafe millrace_database_error(handle)
        let cause = unsafe reason.map { unsafe String(cString: $0) }
        return Failure(
            "database.failed", stage: .source, kind: .transient, "the database refuses \(statement.prefix(80))...",
            hint: "it needs SELECT on the tables", cause: cause)
    }

    /// The next row, its values as bytes; nil at the end. Throws `database.failed`.
    public func next() throws(Failure) -> [[UInt8]?]? {
        let found = unsafe millrace_database_next(handle)
        if found < 0 { throw failure("the reading of rows") }
        guard found > 0 else { return nil }
        let width = unsafe millrace_database_width(handle)
        return (0..<width).map { column in
            var length = 0
            guard let start = unsafe millrace_database_value(handle, column, &length) else { return nil }
            return unsafe Array(UnsafeBufferPointer(start: start, count: length))
        }
    }

    /// All rows of a statement, as texts.
    public func rows(_ statement: String) throws(Failure) -> [[String?]] {
        try run(statement)
        var rows: [[String?]] = []
        while let row = try next() { rows.append(row.map { $0.map { String(decoding: $0, as: UTF8.self) } }) }
        return rows
    }
}
