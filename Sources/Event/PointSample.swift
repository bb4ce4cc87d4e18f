/// A few of the points taken of a stream: those with the least hashes. Whoever asks for a point that would be among
/// them, and is not, knows that it was never taken, whatever range covers it.
///
/// Pure. Of a stream of n points a sample of k proves the absence of one in n/k that are missing; of fewer than k, of
/// every one.
public struct PointSample: Sendable, Equatable {
    public static let capacity = 64

    /// Whether all points taken are in it, so that what it lacks was not taken, and what it has was.
    public var isComplete: Bool { points.count < Self.capacity }

    /// By hash, the least first.
    public private(set) var points: [Position] = []

    public init() {}

    /// Takes a point. Returns whether it is one of the sample now.
    @discardableResult
    public mutating func insert(_ point: Position) -> Bool {
        let hash = Self.hash(point)
        if points.count >= Self.capacity, let last = points.last, hash > Self.hash(last) { return false }
        guard let at = place(point, hash) else { return false }
        points.insert(point, at: at)
        if points.count > Self.capacity { points.removeLast() }
        return true
    }

    /// Whether the point is certainly none of those taken.
    public func provesAbsence(of point: Position) -> Bool {
        let hash = Self.hash(point)
        if points.count >= Self.capacity, let last = points.last, hash > Self.hash(last) { return false }
        return place(point, hash) != nil
    }

    /// Where a point belongs; nil if it is there.
    private func place(_ point: Position, _ hash: UInt64) -> Int? {
        var at = 0
        while at < points.count {
            let other = Self.hash(points[at])
            if points[at] == point { return nil }
            if other > hash || (other == hash && points[at] > point) { return at }
            at += 1
        }
        return at
    }

    /// Neighbours must not have near hashes (the finisher of MurmurHash3).
    private static func hash(_ point: Position) -> UInt64 {
        var word = point.major &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(point.minor) &* 0xC2B2_AE3D_27D4_EB4F
        word = (word ^ word >> 33) &* 0xFF51_AFD7_ED55_8CCD
        word = (word ^ word >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return word ^ word >> 33
    }
}
