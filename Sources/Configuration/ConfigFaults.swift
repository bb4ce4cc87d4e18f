public import Event

/// One thing that is wrong in a configuration file.
public struct ConfigFault: Sendable, Equatable {
    public var file: String
    /// From 1; 0: the fault is about the file as a whole.
    public var line: Int
    /// From 1, in characters.
    public var column: Int
    /// Lowercase sentence that names the setting, what it holds and what it may hold.
    public var message: String

    public init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }
}

extension ConfigFault: CustomStringConvertible {
    /// `file:line:column: message`.
    public var description: String { line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)" }
}

/// Everything that is wrong in a configuration file, in the order of the file. Never empty.
public struct ConfigFaults: Error, Sendable, Equatable {
    /// A file with more is cut here: the rest follows once these are mended.
    public static let maximumCount = 200
    /// EX_CONFIG of sysexits.h: systemd does not restart after it.
    public static let exitCode: Int32 = 78

    public var faults: [ConfigFault]

    public init(_ faults: [ConfigFault]) { self.faults = faults }

    /// The same as one failure, for callers that know only those.
    public var failure: Failure {
        let first = faults.first?.description ?? ""
        let count = faults.count
        return Failure(
            "config.invalid", stage: .configuration, kind: .config,
            count == 1 ? first : "\(count) faults in the configuration, the first: \(first)")
    }
}

extension ConfigFaults: CustomStringConvertible {
    /// One fault per line.
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
