public import Event
public import Platform
internal import Synchronization

/// The log: made once in main and passed along. Lines go to stderr, one write(2) each.
///
/// When to log what: state changes at info and notice, trouble that the machine deals with at warning (rate
/// limited), lost, refused or stopped things at error, once per batch at debug at most; never per event.
/// Callable from any thread; blocks only as stderr does.
public final class Log: Sendable {
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, notice, warning, error

        public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .notice: 2
            case .warning: 3
            case .error: 4
            }
        }
    }

    /// `json`: one object per line. `text`: for people.
    public enum Form: String, Sendable, CaseIterable { case json, text }

    /// When a key of `limited` last spoke, and how often it was held back since.
    private struct Rate {
        var last: Int64
        var suppressed: Int
    }

    /// Keys of `limited` that are remembered; beyond it, old ones are forgotten (and may speak early).
    static let maximumKeyCount = 1_024

    public let level: Level
    private let form: Form
    private let clock: any Clock
    private let output: @Sendable ([UInt8]) -> Void
    private let rates = Mutex<[String: Rate]>([:])

    /// `output` gets whole lines and is called on the thread that logs.
    public init(
        level: Level = .info, form: Form = .json, clock: any Clock = SystemClock(),
        output: @escaping @Sendable ([UInt8]) -> Void = StandardStreams.writeError
    ) {
        self.level = level
        self.form = form
        self.clock = clock
        self.output = output
    }

    /// A log that says nothing.
    public static let silent = Log(level: .error, output: { _ in })

    /// Whether lines of this level are written: ask before expensive preparations.
    public func isOn(_ level: Level) -> Bool { level >= self.level }

    /// Writes a line. `event` is a constant dotted name like a failure's code.
    public func write(
        _ level: Level, _ event: String, _ message: @autoclosure () -> String, _ fields: LogFields = [:]
    ) {
        guard isOn(level) else { return }
        let line = LogLine(
            form: form, milliseconds: clock.wallMilliseconds(), level: level, event: event, message: message(),
            fields: fields)
        output(line.bytes)
    }

    /// A voice that may speak once in `everySeconds` per key, or nil while it must not. What it says carries the
    /// count of the times it was held back (`suppressed`). The key is of low cardinality: a code and a partition,
    /// not an offset.
    public func limited(_ key: String, everySeconds: Int = 10) -> LimitedLog? {
        let now = clock.monotonicNanoseconds()
        let pause = Int64(everySeconds) * 1_000_000_000
        let suppressed = rates.withLock { rates -> Int? in
            if var rate = rates[key], now - rate.last < pause {
                rate.suppressed += 1
                rates[key] = rate
                return nil
            }
            let held = rates[key]?.suppressed ?? 0
            if rates.count >= Self.maximumKeyCount, rates[key] == nil { Self.forgetOldest(&rates) }
            rates[key] = Rate(last: now, suppressed: 0)
            return held
        }
        return suppressed.map { LimitedLog(log: self, suppressed: $0) }
    }

    /// Lets a key speak at once the next time: call it at recovery.
    public func reset(_ key: String) { rates.withLock { $0[key] = nil } }

    private static func forgetOldest(_ rates: inout [String: Rate]) {
        let times = rates.values.map(\.last).sorted()
        let middle = times[times.count / 2]
        rates = rates.filter { $0.value.last > middle }
    }
}

extension Log: LogVoice {}

/// A `Log` that was allowed to speak once.
public struct LimitedLog: LogVoice {
    let log: Log
    let suppressed: Int

    /// Writes a line, with the count of those held back if there were any.
    public func write(_ level: Log.Level, _ event: String, _ message: @autoclosure () -> String, _ fields: LogFields) {
        var fields = fields
        if suppressed > 0 { fields.append("suppressed", .count(suppressed)) }
        log.write(level, event, message(), fields)
    }
}

/// What can write lines: the log itself, or its rate-limited voice.
public protocol LogVoice: Sendable {
    func write(_ level: Log.Level, _ event: String, _ message: @autoclosure () -> String, _ fields: LogFields)
}

extension LogVoice {
    public func debug(_ event: String, _ message: @autoclosure () -> String, _ fields: LogFields = [:]) {
        write(.debug, event, message(), fields)
    }

    public func info(_ event: String, _ message: @autoclosure () -> String, _ fields: LogFields = [:]) {
        write(.info, event, message(), fields)
    }

    public func notice(_ event: String, _ message: @autoclosure () -> String, _ fields: LogFields = [:]) {
        write(.notice, event, message(), fields)
    }

    public func warning(_ event: String, _ message: @autoclosure () -> String, _ fields: LogFields = [:]) {
        write(.warning, event, message(), fields)
    }

    public func error(_ event: String, _ message: @autoclosure () -> String, _ fields: LogFields = [:]) {
        write(.error, event, message(), fields)
    }

    /// Writes a failure: its code as event, its stage, kind, cause and hint as fields. Without a level, a
    /// transient one or a conflict is a warning (the machine deals with it), any other an error.
    public func failure(_ failure: Failure, level: Log.Level? = nil, _ fields: LogFields = [:]) {
        let usual: Log.Level = failure.kind == .transient || failure.kind == .conflict ? .warning : .error
        var all: LogFields = ["stage": .string(failure.stage.rawValue), "kind": .string(failure.kind.rawValue)]
        all.members += fields.members
        if let cause = failure.cause { all.append("cause", .string(cause)) }
        if let hint = failure.hint { all.append("hint", .string(hint)) }
        write(level ?? usual, failure.code, failure.message, all)
    }
}
