public import Event

/// Exact decimals as text and back, without allocation.
public enum DecimalText {
    /// Most bytes `write` needs: sign, 38 digits, a zero and a point.
    public static let maximumByteCount = 48

    /// Why a text is no value of a column.
    public enum Fault: Error { case notANumber, doesNotFit }

    /// A number as written: `magnitude * 10^exponent`, the magnitude without trailing zeros.
    struct Number {
        var isNegative = false
        var magnitude: UInt128 = 0
        var digitCount = 0
        var exponent = 0
    }

    /// The unscaled number of `-12.50e3` for a column of `precision` digits, `scale` of them behind the
    /// point. Nothing is rounded: a text with more digits than the column holds does not fit.
    public static func parse(_ text: ByteView, precision: Int, scale: Int) throws(Fault) -> Int128 {
        let number = try scan(text)
        guard number.magnitude != 0 else { return 0 }
        let shift = number.exponent + scale
        guard shift >= 0, number.digitCount + shift <= precision else { throw .doesNotFit }
        let value = Int128(number.magnitude) * power(shift)
        return number.isNegative ? -value : value
    }

    /// A bound as an unscaled number: of the values of this scale the nearest one inside. Nil: beyond all.
    public static func bound(_ value: Double, scale: Int, isUpper: Bool) -> Int128? {
        let text = Array(value.description.utf8)
        let number = unsafe text.withUnsafeBytes { try? scan(unsafe ByteView($0)) }
        guard let number else { return nil }
        guard number.magnitude != 0 else { return 0 }
        let shift = number.exponent + scale
        guard number.digitCount + shift <= ColumnShape.maximumPrecision else { return nil }
        let signed = number.isNegative ? -Int128(number.magnitude) : Int128(number.magnitude)
        if shift >= 0 { return signed * power(shift) }
        // Below the last digit of all: between 0 and one unit.
        guard -shift < ColumnShape.maximumPrecision else {
            let floor: Int128 = number.isNegative ? -1 : 0
            return isUpper ? floor : floor + 1
        }
        let divisor = power(-shift)
        let quotient = signed / divisor
        let floor = signed % divisor != 0 && number.isNegative ? quotient - 1 : quotient
        return isUpper ? floor : floor + 1
    }

    /// `10^count`, for 0...38.
    public static func power(_ count: Int) -> Int128 { powers[count] }

    /// Writes `-12.50`; returns its length. The target must have room for `maximumByteCount` bytes.
    @unsafe
    public static func write(_ value: Int128, scale: Int, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var rest = value.magnitude
        // Digits from the last to the first, at least one before the point.
        var digits: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
        return unsafe withUnsafeMutableBytes(of: &digits) { reversed in
            var count = 0
            while rest > UInt128(UInt64.max) {
                let digit = UInt8(truncatingIfNeeded: rest % 10)
                unsafe reversed[count] = 48 &+ digit
                rest /= 10
                count += 1
            }
            var small = UInt64(truncatingIfNeeded: rest)
            while small != 0 || count <= scale {
                unsafe reversed[count] = 48 &+ UInt8(truncatingIfNeeded: small % 10)
                small /= 10
                count += 1
            }
            var length = 0
            if value < 0 {
                unsafe target[0] = UInt8(ascii: "-")
                length = 1
            }
            while count > 0 {
                if count == scale, scale > 0 {
                    unsafe target[length] = UInt8(ascii: ".")
                    length += 1
                }
                count -= 1
                unsafe target[length] = reversed[count]
                length += 1
            }
            return length
        }
    }

    static func scan(_ text: ByteView) throws(Fault) -> Number {
        var number = Number()
        var index = 0
        if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
            number.isNegative = text[index] == UInt8(ascii: "-")
            index = 1
        }
        var seen = 0
        var zeros = 0
        var isFraction = false
        while index < text.count {
            let digit = text[index] &- 48
            if digit < 10 {
                seen += 1
                if isFraction { number.exponent -= 1 }
                if digit == 0 {
                    zeros += 1
                } else {
                    if number.magnitude == 0 { zeros = 0 }
                    number.digitCount += zeros + 1
                    guard number.digitCount <= ColumnShape.maximumPrecision else { throw .doesNotFit }
                    number.magnitude = number.magnitude &* UInt128(power(zeros + 1)) &+ UInt128(digit)
                    zeros = 0
                }
            } else if text[index] == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else {
                break
            }
            index += 1
        }
        guard seen > 0 else { throw .notANumber }
        number.exponent += zeros
        if index < text.count { number.exponent += try exponent(text, from: index) }
        return number
    }

    /// `e-12` to the end of the text; beyond a million it is a million.
    private static func exponent(_ text: ByteView, from start: Int) throws(Fault) -> Int {
        guard text[start] | 0x20 == UInt8(ascii: "e"), start + 1 < text.count else { throw .notANumber }
        var index = start + 1
        let isNegative = text[index] == UInt8(ascii: "-")
        if isNegative || text[index] == UInt8(ascii: "+") { index += 1 }
        guard index < text.count else { throw .notANumber }
        var value = 0
        while index < text.count {
            let digit = text[index] &- 48
            guard digit < 10 else { throw .notANumber }
            value = min(value * 10 + Int(digit), 1_000_000)
            index += 1
        }
        return isNegative ? -value : value
    }

    private static let powers: [Int128] = {
        var found: [Int128] = [1]
        while found.count <= ColumnShape.maximumPrecision { found.append(found[found.count - 1] * 10) }
        return found
    }()
}
