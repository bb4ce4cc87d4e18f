internal import Columns

/// One column of a plan, ready for the hot path: no references inside, so that reading it counts none, and small
/// enough to be passed in registers; what only some columns need is in their `ColumnRule`.
struct ColumnStep: Sendable {
    var type: ColumnType
    /// The parser's number of the field.
    var field: Int32
    /// What is read instead of a field.
    var metadata: Metadata?
    var layout: TimeLayout
    /// Index into the plan's steps and rules.
    var index: Int32 = 0
    /// Index into the plan's zones of times that name none, or -1.
    var zone: Int32 = -1
    /// Index into the plan's default texts, or -1.
    var defaultText: Int32 = -1
    /// Whether an Apache time may be written as RFC 3339 instead (nginx's $time_iso8601).
    var takesRFC3339 = false
    var isRequired: Bool
    /// Whether the record's timestamp is taken where there is no value.
    var defaultsToReceived = false
    /// Whether a value has to pass any check beyond its type.
    var isChecked = false
    /// Whether there are further formats of its times.
    var hasAlternatives = false
}

/// What a column's type and checks need beyond its step, or those of a part of a nested column.
struct ColumnRule: Sendable {
    var bytesLayout = BytesLayout.base64
    /// Digits of a decimal.
    var precision = ColumnShape.maximumPrecision
    var scale = 0
    /// Index into the plan's time patterns, or -1.
    var timePattern = -1
    /// Further formats: these of the plan's `timeAlternatives`.
    var alternatives = 0..<0
    /// Microseconds after the record's timestamp that a time may be, or more than that can be.
    var maximumFuture = Int64.max
    var minimumInteger = Int64.min
    var maximumInteger = Int64.max
    var minimum = -Double.infinity
    var maximum = Double.infinity
    /// Bounds of a decimal, unscaled.
    var minimumDecimal = Int128.min
    var maximumDecimal = Int128.max
    var minimumByteCount = 0
    var maximumByteCount = Int.max
    /// Index into the plan's allowed sets, or -1.
    var allowed = -1
    /// Index into the plan's patterns, or -1.
    var pattern = -1
    /// Of lists, maps and structs: the plan's `NestedNode`, or -1.
    var nested = -1
}

/// A part of a nested column: what its values must be. References are numbers, as in `ColumnStep`.
struct NestedNode: Sendable {
    var step: ColumnStep
    /// The nodes of its children: the element, key and value, or a struct's fields.
    var children = 0..<0
    /// Of a struct: the plan's names of fields, or -1.
    var names = -1
}

/// The allowed values of a column, sorted.
enum AllowedSet: Sendable {
    case integers([Int64])
    /// Sorted by length, then by bytes.
    case texts([[UInt8]])
}
