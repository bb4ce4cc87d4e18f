internal import Columns
internal import Event

/// Brings a value whose type was a guess to a wider guess: integers to decimals, numbers to doubles, anything to text.
enum ShapeWidening {
    /// Appends a row's value to a column of a wider shape; false, and null appended, if it does not fit.
    static func append(_ column: Column, _ row: Int, to target: Column) -> Bool {
        guard !column.isNull(row) else {
            target.appendNull()
            return true
        }
        if target.holdsBytes {
            append(text: column, row, to: target)
            return true
        }
        switch (column.type, target.type) {
        case (.int32, .int64), (.boolean, .int64), (.boolean, .int32): target.append(column.integer(row))
        case (.int32, .double), (.int64, .double): target.append(Double(column.integer(row)))
        case (.decimal, .double):
            target.append(Double(column.decimal(row)) / Double(DecimalText.power(column.shape.scale)))
        case (.int32, .decimal), (.int64, .decimal), (.boolean, .decimal):
            let value = Int128(column.integer(row)).multipliedReportingOverflow(
                by: DecimalText.power(target.shape.scale))
            guard !value.overflow else { return fail(target) }
            target.append(decimal: value.partialValue)
        case (.decimal, .decimal):
            let added = target.shape.scale - column.shape.scale
            guard added >= 0 else { return fail(target) }
            let value = column.decimal(row).multipliedReportingOverflow(by: DecimalText.power(added))
            guard !value.overflow else { return fail(target) }
            target.append(decimal: value.partialValue)
        default: return fail(target)
        }
        return true
    }

    private static func fail(_ target: Column) -> Bool {
        target.appendNull()
        return false
    }

    private static func append(text column: Column, _ row: Int, to target: Column) {
        if column.holdsBytes { return target.append(column.bytes(row)) }
        let text: String =
            switch column.type {
            case .decimal: decimal(column.decimal(row), column.shape.scale)
            case .double: "\(column.double(row))"
            default: String(column.integer(row))
            }
        unsafe Array(text.utf8).withUnsafeBytes { target.append(unsafe ByteView($0)) }
    }

    private static func decimal(_ value: Int128, _ scale: Int) -> String {
        let digits = String(value.magnitude)
        guard scale > 0 else { return (value < 0 ? "-" : "") + digits }
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
        return (value < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
    }
}
