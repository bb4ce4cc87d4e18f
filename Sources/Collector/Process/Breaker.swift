/// Stops a table that rejects more than its share (design section 5): a bad deploy does not pour a day
/// into quarantine. One per table and partition of a pipeline; pure.
struct Breaker {
    let share: Double
    /// Events after which the counts start anew.
    let window: Int
    private var seen = 0
    private var rejected = 0

    init(share: Double, window: Int) {
        self.share = share
        self.window = max(window, 1)
    }

    /// Counts a batch. True: the share is exceeded, as soon as that is certain for the window.
    mutating func exceeds(afterSeen seenCount: Int, rejected rejectedCount: Int) -> Bool {
        guard share < 1 else { return false }
        seen += seenCount
        rejected += rejectedCount
        let isExceeded = Double(rejected) > share * Double(max(seen, window))
        if seen >= window {
            seen = 0
            rejected = 0
        }
        return isExceeded
    }
}
