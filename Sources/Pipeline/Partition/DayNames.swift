internal import TimeZone

/// Folder names of days, `dt=2026-11-20`; kept over batches, so that a steady flow allocates nothing.
/// One thread at a time.
public struct DayNames {
    /// Days whose names are kept; all are forgotten beyond it.
    static let maximumCount = 4_096

    private let prefix: String
    private var names: [Int64: String] = [:]

    /// `partitionName`: what stands before the `=`.
    public init(partitionName: String) { prefix = partitionName + "=" }

    /// The name of a day, counted from 1970-01-01.
    public mutating func name(of day: Int64) -> String {
        if let known = names[day] { return known }
        if names.count >= Self.maximumCount { names.removeAll(keepingCapacity: true) }
        let name = prefix + CivilDay.text(of: day)
        names[day] = name
        return name
    }
}
