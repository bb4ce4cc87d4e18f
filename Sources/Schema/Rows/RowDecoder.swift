public import Columns
public import Event
internal import JSON
public import TimeZone

/// What became of one row.
public struct RowOutcome: Sendable, Equatable {
    /// The document is no JSON object: nothing was appended.
    public var isBroken = false
    /// Columns that the row does not name: null was appended (see `RowDecoder.isPresent`).
    public var missingCount = 0
    /// Names that are no column.
    public var unknownCount = 0
    /// Values that are none of their column's type: null was appended. The first such column's index.
    public var unfitCount = 0
    public var unfitColumn: Int?

    /// Whether the row stands for what the source holds.
    public var isFit: Bool { !isBroken && unfitCount == 0 }
}

/// How documents are read beyond what their tool fixes.
public struct DecodeOptions: Sendable {
    /// Debezium's `decimal.handling.mode`: `precise` or `string`.
    public enum DecimalMode: Sendable { case precise, text }
    /// Debezium's `binary.handling.mode`: `bytes` and `base64`, or `hex`.
    public enum BinaryMode: Sendable { case base64, hex }

    /// Time zone of the machine that the tool runs on: Canal writes TIMESTAMPs in it, Maxwell moves TIMEs by
    /// it. Nil: UTC; Canal's are counted as `assumed_zone`.
    public var zone: Zone?
    /// Debezium's `decimal.handling.mode` and `binary.handling.mode`; nil: found out from the values.
    public var decimals: DecimalMode?
    public var binary: BinaryMode?
    /// Whether records may say how their values are written: Debezium's envelopes.
    public var mayHaveForms = false
    /// Debezium's `time.precision.mode`, if it counts; nil: found out from the values.
    var temporal: TemporalModes?
    /// Whether it is `isostring`.
    var hasTextTimes = false
    /// Whether Debezium may have put a column's default where NULL stood; a NULL in such a column proves that
    /// it does not.
    public var mayReplaceNull = true

    public init() {}
}

/// Reads a tool's row documents into the columns of one version of a table.
///
/// Reused for all rows of a version; one thread at a time. A row of the usual kind allocates nothing.
///
/// - Columns are those of the version, in its order; the caller made them from `version.shapes`.
/// - A row that is broken appends nothing; any other row appends exactly one value to every column.
/// - What the tool distorts is put right where the record allows it, else counted in `losses`.
public final class RowDecoder {
    /// Names of unknown columns that are kept for a report.
    public static let maximumUnknownNames = 16

    public let version: TableVersion
    public let tool: ChangeTool
    /// Losses of all rows so far.
    public internal(set) var losses = LossCounts()
    /// Names that are no column of this version, the first few.
    public private(set) var unknownNames: [String] = []
    /// Columns of the last row whose value was none of their type.
    public private(set) var unfitColumns: [Int] = []

    let codecs: [ColumnCodec]
    let options: DecodeOptions
    let zone: Zone?
    var decimals: DecodeOptions.DecimalMode?
    var binary: DecodeOptions.BinaryMode?
    let input = Scratch()
    let output = Scratch()
    /// Bytes of a value under construction.
    var bytes: [UInt8] = []
    /// Defaults that Debezium may have put in place of NULL, by column.
    let standIns: [TypedValue?]
    /// Whether a NULL stood where Debezium would have put the default.
    var keepsNull = false
    /// What values tell of the unit that times are counted in.
    var temporal: TemporalEvidence
    /// How the record's envelope says that values are written, by column; nil: it does not.
    var forms: [DebeziumForm?]
    /// The envelope's document that `forms` are from.
    private let formsDocument = Scratch()
    /// Whether times come as ISO text, which has no TIMEs below 0 or from 24 hours on.
    var hasTextTimes = false
    var isSnapshot = false
    private let names: NameTable
    private var cells: [JSONPart]
    private var hasOwnNames = false

    public init(_ version: TableVersion, tool: ChangeTool, options: DecodeOptions = DecodeOptions()) {
        self.version = version
        self.tool = tool
        self.options = options
        codecs = version.columns.map { ColumnCodec($0.type, shape: $0.shape, dates: version.dates) }
        names = NameTable(version.columns.map { Self.memberName($0.name, tool) })
        cells = Array(repeating: .missing, count: version.columns.count)
        zone = options.zone
        forms = Array(repeating: nil, count: version.columns.count)
        temporal = TemporalEvidence(options.temporal)
        hasTextTimes = options.hasTextTimes
        decimals = options.decimals
        binary = options.binary
        standIns = version.columns.map { column in
            guard tool == .debezium, options.mayReplaceNull, column.isNullable, let clause = column.defaultClause
            else { return nil }
            let value = DefaultValue(clause, column.type, column.shape, version.dates, statementTime: nil, clock: nil)
            return value.isKnown && value.value != .null ? value.value : nil
        }
        bytes.reserveCapacity(1_024)
    }

    /// How the tool writes a column's name: Maxwell doubles backticks.
    private static func memberName(_ name: String, _ tool: ChangeTool) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            bytes.append(byte)
            if tool == .maxwell, byte == UInt8(ascii: "`") { bytes.append(byte) }
        }
        return bytes
    }

    /// Appends one row: a whole image.
    public func append(_ document: ByteView, to columns: [Column], isSnapshot: Bool = false) -> RowOutcome {
        self.isSnapshot = isSnapshot
        for index in cells.indices { cells[index] = .missing }
        var outcome = RowOutcome()
        read(document, &outcome)
        guard !outcome.isBroken else { return outcome }
        appendCells(to: columns, &outcome)
        return outcome
    }

    /// Appends the image before an update: the row after it, with the values that `old` names put back.
    public func append(_ after: ByteView, patchedBy old: ByteView, to columns: [Column]) -> RowOutcome {
        isSnapshot = false
        for index in cells.indices { cells[index] = .missing }
        var outcome = RowOutcome()
        read(after, &outcome)
        if !outcome.isBroken, !old.isEmpty, !old.equals("null") { read(old, &outcome) }
        guard !outcome.isBroken else { return outcome }
        appendCells(to: columns, &outcome)
        return outcome
    }

    /// Whether the last row named a column: else the source left its value out.
    public func isPresent(_ column: Int) -> Bool { cells[column].kind != .missing }

    /// The last row's value of a column as JSON, as its document has it: valid as long as the document.
    public func text(of column: Int) -> ByteView { cells[column].raw }

    /// Takes what a record says of types: the rows that follow are read as it says. Empty: it says nothing.
    public func take(types: ByteView) {
        guard tool == .debezium, !formsDocument.view.equals(types) else { return }
        formsDocument.removeAll()
        formsDocument.append(types)
        let stated = types.isEmpty ? [:] : TypesDocument.forms(types.array)
        for index in forms.indices { forms[index] = nil }
        for (name, form) in stated {
            if let index = version.index(of: name) { forms[index] = form }
        }
        if stated.values.contains(where: \.isTextTime) { hasTextTimes = true }
    }

    /// Looks at a row without appending it, to find out Debezium's modes before the first row is read.
    public func survey(_ document: ByteView) {
        guard tool == .debezium else { return }
        for index in cells.indices { cells[index] = .missing }
        var outcome = RowOutcome()
        read(document, &outcome)
        guard !outcome.isBroken else { return }
        for index in cells.indices {
            switch cells[index].kind {
            case .string: learn(cells[index].inside, index)
            case .null: learnNull(index)
            case .number: learnUnit(cells[index].raw, index)
            default: break
            }
        }
    }

    private func read(_ document: ByteView, _ outcome: inout RowOutcome) {
        var cursor = JSONParts(document)
        var expected = 0
        while let (name, value) = cursor.next() {
            var text = name.inside
            if name.hasEscape {
                input.removeAll()
                input.append(unescaped: text)
                text = input.view
            }
            if let index = column(text, expected) {
                cells[index] = value
                expected = index + 1
            } else {
                outcome.unknownCount += 1
                note(unknown: text)
            }
        }
        if cursor.isBroken { outcome.isBroken = true }
    }

    private func column(_ name: ByteView, _ expected: Int) -> Int? {
        if let index = names.index(of: name, expected: expected) { return index }
        // Names of columns do not differ by case: a server or a statement may write another one.
        let text = name.text
        let plain = tool == .maxwell ? MaxwellName.single(text) : text
        return version.index(of: plain)
    }

    private func note(unknown name: ByteView) {
        guard unknownNames.count < Self.maximumUnknownNames else { return }
        let text = name.text
        if !unknownNames.contains(text) { unknownNames.append(text) }
    }

    private func appendCells(to columns: [Column], _ outcome: inout RowOutcome) {
        precondition(columns.count == codecs.count, "columns of another version")
        if !unfitColumns.isEmpty { unfitColumns.removeAll(keepingCapacity: true) }
        for index in columns.indices {
            let cell = cells[index]
            if cell.kind == .missing {
                if !version.columns[index].isStale { outcome.missingCount += 1 }
                columns[index].appendNull()
                continue
            }
            let isFit: Bool =
                switch tool {
                case .maxwell: appendMaxwell(cell, index, columns[index])
                case .debezium: appendDebezium(cell, index, columns[index])
                case .canal: appendCanal(cell, index, columns[index])
                }
            guard !isFit else { continue }
            columns[index].appendNull()
            outcome.unfitCount += 1
            unfitColumns.append(index)
            if outcome.unfitColumn == nil { outcome.unfitColumn = index }
        }
    }

    /// The content of a string, unescaped. Valid until the next call.
    func content(_ value: JSONPart) -> ByteView {
        guard value.hasEscape else { return value.inside }
        input.removeAll()
        input.append(unescaped: value.inside)
        return input.view
    }

    /// Counts characters that a character set other than Unicode cannot hold.
    func checkText(_ text: ByteView) {
        var at = text.firstIndex(of: 0xEF, from: 0)
        while at + 2 < text.count {
            if text[at + 1] == 0xBF, text[at + 2] == 0xBD {
                losses.add(.replacedText)
                return
            }
            at = text.firstIndex(of: 0xEF, from: at + 1)
        }
    }
}

/// Column names as Maxwell writes them.
enum MaxwellName {
    /// With doubled backticks made single.
    static func single(_ name: String) -> String {
        guard name.contains("``") else { return name }
        var result = ""
        var isSecond = false
        for character in name {
            if character == "`", isSecond {
                isSecond = false
                continue
            }
            isSecond = character == "`"
            result.append(character)
        }
        return result
    }
}

/// What is known of MySQL's character sets.
enum Charset {
    static func isUnicode(_ name: String) -> Bool {
        name.hasPrefix("utf8") || name.hasPrefix("utf16") || name.hasPrefix("utf32") || name == "ucs2"
    }
}
