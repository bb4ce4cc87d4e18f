/// How a commit ended.
public enum CommitOutcome: Sendable, Equatable {
    /// It is record `number`, durable, published.
    case committed(number: Int)
    /// The preconditions no longer hold; staged files were abandoned. Read `state` again and replay.
    case conflict(String)
}
