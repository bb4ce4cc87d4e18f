internal import Event

/// Decimal text to numbers.
enum NumberText {
    /// An integer with optional minus, exact. Nil on anything else and on overflow.
    static func int64(_ text: ByteView) -> Int64? {
        let count = text.count
        guard count > 0, count <= 20 else { return nil }
        let isNegative = text[0] == UInt8(ascii: "-")
        var index = isNegative ? 1 : 0
        guard index < count else { return nil }
        if count - index <= 18 {
            var value: Int64 = 0
            while index < count {
                let digit = text[index] &- 48
                guard digit < 10 else { return nil }
                value = value &* 10 &+ Int64(digit)
                index &+= 1
            }
            return isNegative ? 0 &- value : value
        }
        var value: Int64 = 0
        while index < count {
            let digit = text[index] &- 48
            guard digit < 10 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
            index &+= 1
        }
        // Why: counting downwards reaches Int64.min.
        return isNegative ? value : (value == .min ? nil : 0 - value)
    }
}
