public import Columns
internal import Event
internal import JSON

/// Brings a column's values from one type to another, as an ALTER does with rows already there.
///
/// Goes by the text that the server prints, but for the common ways between numbers. Several ALTERs are done one
/// after the other: NULL made 0 by the first one is "0", not empty, once the second one makes the column text.
public struct ColumnConversion: Sendable {
    /// What is done before, in order.
    private var earlier: [ColumnConversion] = []
    let old: TableColumn
    let new: TableColumn
    let dates: DateRule
    /// The clock of the sessions that alter tables, if it is known.
    private let clock: SessionClock?
    /// Whether the server comes to the same value for certain: not where a session's time zone, a rounding mode or
    /// a character set decides.
    public private(set) var isExact: Bool
    private let fill: TypedValue?
    private let from: ColumnCodec
    private let to: ColumnCodec
    private var server: ServerConversion { ServerConversion(old.type, from, to) }

    /// Nil where values stay as they are.
    init?(_ old: TableColumn, _ new: TableColumn, _ dates: DateRule, _ clock: SessionClock?) {
        let forcesValue = old.isNullable && !new.isNullable
        let changesText =
            old.type.kind == .binary || new.type.kind == .binary || new.type.kind == .char
            || old.type.fraction != new.type.fraction || old.type.scale != new.type.scale
        guard
            old.shape != new.shape || forcesValue || old.type.kind != new.type.kind && !Self.isSameText(old, new)
                || changesText && old.type != new.type && !(old.type.isText && new.type.isText)
                || Self.changesMembers(old.type, new.type)
        else { return nil }
        self.old = old
        self.new = new
        self.dates = dates
        self.clock = clock
        fill = forcesValue ? DefaultValue(implicit: new.type, new.shape, dates).value : nil
        from = ColumnCodec(old.type, shape: old.shape, dates: dates)
        to = ColumnCodec(new.type, shape: new.shape, dates: dates)
        isExact = Self.isExact(old.type, new.type, knowsClock: clock != nil)
    }

    /// All steps of a column through its versions, in order; nil where values stay as they are.
    init?(_ versions: [TableColumn], _ dates: DateRule, _ clock: SessionClock?) {
        let steps = zip(versions, versions.dropFirst()).compactMap { ColumnConversion($0, $1, dates, clock) }
        guard var last = steps.last else { return nil }
        last.earlier = Array(steps.dropLast())
        last.isExact = steps.allSatisfy(\.isExact)
        self = last
    }

    private static func isExact(_ old: MySQLType, _ new: MySQLType, knowsClock: Bool) -> Bool {
        let usesClock =
            (old.kind == .timestamp) != (new.kind == .timestamp) && !knowsClock || old.kind == .time && new.isTime
        let hasFraction = (old.isTime || old.kind == .time) && old.fraction > 0
        let keepsFraction = new.isTime || new.kind == .time ? new.fraction >= old.fraction : !new.isInteger
        let cutsFraction = hasFraction && !keepsFraction && new.kind != .date
        let showsBytes = old.isText && new.isBytes && old.charset.map { !Charset.isUnicode($0) } ?? false
        return !usesClock && !cutsFraction && !showsBytes
    }

    private static func isSameText(_ old: TableColumn, _ new: TableColumn) -> Bool {
        if old.shape.type == .string || old.shape.type == .bytes {
            let isPlain = { (type: MySQLType) in type.isText || type.isBytes || type.kind == .json || type.kind == .uuid
            }
            let isWritten = new.type.kind != .binary && new.type.kind != .char && new.type.kind != .enum
            return isPlain(old.type) && isPlain(new.type) && isWritten && new.type.kind != .set
        }
        return old.type.isInteger && new.type.isInteger && old.shape == new.shape
    }

    /// Whether values of an ENUM or SET may become other members.
    private static func changesMembers(_ old: MySQLType, _ new: MySQLType) -> Bool {
        guard old.kind == new.kind, old.kind == .enum || old.kind == .set else { return false }
        return old.kind == .set ? !new.members.starts(with: old.members) : !Set(old.members).isSubset(of: new.members)
    }

    /// Appends a row's value, converted; false if it does not fit: then null was appended.
    public func append(_ column: Column, _ row: Int, to target: Column) -> Bool {
        guard !earlier.isEmpty else { return appendStep(column, row, to: target) }
        var value = TypedValue(column, row)
        for step in earlier {
            let (next, isFit) = step.convert(value)
            guard isFit else {
                target.appendNull()
                return false
            }
            value = next
        }
        let source = RowBatch(shapes: [("old", old.shape)])
        value.append(to: source.columns[0])
        return appendStep(source.columns[0], 0, to: target)
    }

    private func appendStep(_ column: Column, _ row: Int, to target: Column) -> Bool {
        if column.isNull(row) {
            if let fill { fill.append(to: target) } else { target.appendNull() }
            return true
        }
        guard let clock, (old.type.kind == .timestamp) != (new.type.kind == .timestamp) else {
            return appendShown(column, row, to: target)
        }
        if old.type.kind == .timestamp {
            let source = RowBatch(shapes: [("old", old.shape)])
            clock.shown(TypedValue(column, row), fraction: old.type.fraction).append(to: source.columns[0])
            return appendShown(source.columns[0], 0, to: target)
        }
        let made = RowBatch(shapes: [("new", new.shape)])
        let isFit = appendShown(column, row, to: made.columns[0])
        clock.instant(TypedValue(made.columns[0], 0), fraction: new.type.fraction).append(to: target)
        return isFit
    }

    /// Appends a value that is not null, as if TIMESTAMPs were in UTC.
    private func appendShown(_ column: Column, _ row: Int, to target: Column) -> Bool {
        if appendQuickly(column, row, to: target) { return true }
        if let isFit = server.append(column, row, to: target) {
            if !isFit { target.appendNull() }
            return isFit
        }
        let text = Scratch(capacity: 128)
        let output = Scratch(capacity: 128)
        from.write(column, row, to: text)
        var losses = LossCounts()
        if to.append(text.view, to: target, output, &losses) { return true }
        if appendCut(text.view, to, target, output) { return true }
        target.appendNull()
        return false
    }

    /// The common ways: between whole numbers, to more digits, between texts.
    private func appendQuickly(_ column: Column, _ row: Int, to target: Column) -> Bool {
        if old.type.isInteger, new.type.isInteger {
            return to.append(
                integer: column.type == .decimal ? column.decimal(row) : Int128(column.integer(row)), to: target)
        }
        if column.type == .decimal, target.type == .decimal {
            let shift = new.shape.scale - old.shape.scale
            guard shift >= 0, new.shape.precision - new.shape.scale >= old.shape.precision - old.shape.scale else {
                return false
            }
            target.append(decimal: column.decimal(row) * DecimalText.power(shift))
            return true
        }
        guard column.type == target.type, column.type != .decimal, old.type.kind == new.type.kind,
            old.type.fraction == new.type.fraction, new.type.kind != .binary,
            !Self.changesMembers(old.type, new.type)
        else { return false }
        target.append(from: column, row)
        return true
    }

    /// One value, apart from a column; not fit where it became null because nothing else fits.
    func convert(_ value: TypedValue) -> (TypedValue, Bool) {
        let source = RowBatch(shapes: [("old", (earlier.first?.old ?? old).shape)])
        let target = RowBatch(shapes: [("new", new.shape)])
        value.append(to: source.columns[0])
        let isFit = append(source.columns[0], 0, to: target.columns[0])
        return (TypedValue(target.columns[0], 0), isFit)
    }

    /// Dates lose their clock.
    private func appendCut(_ text: ByteView, _ codec: ColumnCodec, _ target: Column, _ output: Scratch) -> Bool {
        guard new.type.isTime, text.count > 10 else { return false }
        var losses = LossCounts()
        return codec.append(text.slice(0, 10), to: target, output, &losses)
    }
}
