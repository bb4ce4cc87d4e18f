/// Numbers of floating point as the server prints them: the shortest digits that read back, with an exponent from 10^15
/// on and below 10^-15. Source: my_gcvt, strings/dtoa.c of MariaDB and MySQL.
public enum FloatingText {
    /// Appends a DOUBLE.
    public static func append(_ value: Double, to bytes: inout [UInt8]) {
        guard value != 0, value.isFinite else {
            bytes += (value == 0 ? (value.sign == .minus ? "-0" : "0") : "\(value)").utf8
            return
        }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let magnitude = value.magnitude
        let text = magnitude.description
        // Why: in this range both write digits and point alone.
        if magnitude >= 0.001, magnitude < 1e15 {
            let isWhole = text.utf8.suffix(2).elementsEqual(".0".utf8)
            bytes.append(contentsOf: text.utf8.dropLast(isWhole ? 2 : 0))
        } else {
            let (digits, point) = digits(of: text)
            append(digits, point, to: &bytes)
        }
    }

    /// Appends a FLOAT: six digits.
    public static func append(float value: Double, to bytes: inout [UInt8]) {
        guard value != 0, value.isFinite else { return append(value, to: &bytes) }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var (digits, point) = digits(of: value.magnitude.description)
        if digits.count > 6 {
            let isUp = digits[6] >= UInt8(ascii: "5")
            digits.removeLast(digits.count - 6)
            while isUp, digits.last == UInt8(ascii: "9") { digits.removeLast() }
            if isUp, digits.isEmpty { (digits, point) = ([UInt8(ascii: "0")], point + 1) }
            if isUp { digits[digits.count - 1] += 1 }
            while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        }
        append(digits, point, to: &bytes)
    }

    /// Digits of what Swift prints (`1.5e-20`, `1e+16`, `0.1`), without zeros at either end, and where the point stands
    /// before or behind the first.
    private static func digits(of text: String) -> (digits: [UInt8], point: Int) {
        let parts = text.split(separator: "e", maxSplits: 1)
        let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        var point = mantissa[0].utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        var digits = Array(mantissa[0].utf8) + (mantissa.count > 1 ? Array(mantissa[1].utf8) : [])
        let zeros = digits.dropLast().prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(zeros)
        point -= zeros
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, point)
    }

    private static func append(_ digits: [UInt8], _ point: Int, to bytes: inout [UInt8]) {
        let zero = UInt8(ascii: "0")
        if point < -14 || point > 15 {
            bytes.append(digits[0])
            if digits.count > 1 { bytes += [UInt8(ascii: ".")] + digits[1...] }
            bytes += "e\(point - 1)".utf8
        } else if point <= 0 {
            bytes += Array("0.".utf8) + Array(repeating: zero, count: -point) + digits
        } else if digits.count <= point {
            bytes += digits + Array(repeating: zero, count: point - digits.count)
        } else {
            bytes += digits[..<point] + [UInt8(ascii: ".")] + digits[point...]
        }
    }
}
