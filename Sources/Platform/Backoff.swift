/// The one retry rhythm: doubles from `first` to `maximum`, with up to a quarter of jitter.
public struct Backoff: Sendable {
    public let firstMilliseconds: Int
    public let maximumMilliseconds: Int
    private var next: Int

    public init(firstMilliseconds: Int = 100, maximumMilliseconds: Int = 10_000) {
        self.firstMilliseconds = firstMilliseconds
        self.maximumMilliseconds = maximumMilliseconds
        next = min(firstMilliseconds, maximumMilliseconds)
    }

    /// The wait before the next try, in milliseconds.
    public mutating func wait(using generator: inout some RandomNumberGenerator) -> Int {
        let base = next
        next = min(next * 2, maximumMilliseconds)
        return base - Int.random(in: 0...(base / 4), using: &generator)
    }

    /// Begins again at the first wait: after a success.
    public mutating func reset() { next = min(firstMilliseconds, maximumMilliseconds) }
}
