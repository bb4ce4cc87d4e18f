/// How a commit ended.
public enum CommitOutcome: Sendable, Equatable {
    /// It is record `number`, durable, published.
    case committed(number: Int)
    /// The preconditions no longer hold and the log holds nothing of it: abandon the staged files, read
    /// `state` again and replay. `"fenced"`: call `renew()` as well.
    case conflict(String)
}

public struct CommitLogSettings: Sendable, Equatable {
    /// Records between checkpoints. Lower: shorter recovery, more writing. Default 100.
    public var checkpointEvery = 100
    /// Records kept behind a checkpoint, for people. Default 100.
    public var keptRecordCount = 100
    /// How long everything about an incarnation without a lock must be untouched before it may be fenced.
    public var fenceMilliseconds: Int64 = 3_600_000
    /// Smaller in tests.
    var window = LogMachine.window
    public init() {}
}
