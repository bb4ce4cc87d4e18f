/// Where a change stands in the order of its source: compared field by field, in the order of the fields.
public struct SourcePlace: Hashable, Sendable, Comparable {
    public var leg: Int64
    public var file: Int64
    public var position: Int64
    public var row: Int64

    public init(leg: Int64 = 0, file: Int64 = 0, position: Int64 = 0, row: Int64 = 0) {
        self.leg = leg
        self.file = file
        self.position = position
        self.row = row
    }

    /// Before every change.
    public static let first = SourcePlace(leg: .min, file: .min, position: .min, row: .min)
    /// Behind every change.
    public static let last = SourcePlace(leg: .max, file: .max, position: .max, row: .max)

    @inline(__always)
    public static func < (left: SourcePlace, right: SourcePlace) -> Bool {
        if left.leg != right.leg { return left.leg < right.leg }
        if left.file != right.file { return left.file < right.file }
        if left.position != right.position { return left.position < right.position }
        return left.row < right.row
    }
}
