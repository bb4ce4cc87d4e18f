internal import Columns
internal import Event
internal import JSON

/// The value that a DEFAULT clause, or its absence, gives to rows already there.
struct DefaultValue {
    let value: TypedValue
    let isKnown: Bool

    private init(_ value: TypedValue, isKnown: Bool) {
        self.value = value
        self.isKnown = isKnown
    }

    /// The value of a column that is added. `statementTime` is when, in microseconds since the epoch; `clock`: the
    /// session's, if it is known.
    init(
        _ column: ColumnDefinition, shape: ColumnShape, dates: DateRule, statementTime: Int64?, clock: SessionClock?
    ) {
        if column.generated != .no || column.isAutoIncrement {
            self.init(.null, isKnown: false)
        } else if let clause = column.defaultClause {
            self.init(clause, column.type, shape, dates, statementTime: statementTime, clock: clock)
        } else if column.isNullable {
            self.init(.null, isKnown: true)
        } else {
            self.init(implicit: column.type, shape, dates)
        }
    }

    /// The value of a clause.
    init(
        _ clause: DefaultClause, _ type: MySQLType, _ shape: ColumnShape, _ dates: DateRule, statementTime: Int64?,
        clock: SessionClock?
    ) {
        switch clause {
        case .null: self.init(.null, isKnown: true)
        case .expression: self.init(.null, isKnown: false)
        case .text(let text):
            let made = DefaultValue(text: text, type, shape, dates)
            // A TIMESTAMP is written on the session's clock.
            if type.kind == .timestamp, let clock {
                self.init(clock.instant(made.value, fraction: type.fraction), isKnown: made.isKnown)
                return
            }
            let isZero = text.starts(with: Array("0000-00-00".utf8))
            self.init(made.value, isKnown: made.isKnown && (type.kind != .timestamp || isZero))
        case .number(let text): self.init(text: Array(text.utf8), type, shape, dates)
        case .bytes(let bytes):
            guard type.isInteger || type.kind == .bit || type.kind == .decimal || type.kind == .year else {
                self.init(text: bytes, type, shape, dates)
                return
            }
            guard bytes.count <= 8 else {
                self.init(.null, isKnown: false)
                return
            }
            let number = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(text: Array(String(number).utf8), type, shape, dates)
        case .now:
            // A DATETIME shows the session's clock.
            let time = type.kind == .timestamp ? statementTime : statementTime.map { clock?.shown(at: $0) ?? $0 }
            guard let time, let fields = DateFields(micros: time), type.isTime else {
                self.init(.null, isKnown: false)
                return
            }
            var cut = fields
            var unit: Int64 = 1
            for _ in type.fraction..<6 { unit *= 10 }
            cut.micro -= cut.micro % unit
            let scratch = Scratch(capacity: 64)
            cut.write(fraction: 6, to: scratch)
            let made = DefaultValue(text: scratch.view.array, type, shape, dates)
            // Fractions are not in every tool's record.
            let isKnown = (type.kind == .timestamp || clock != nil) && type.fraction == 0
            self.init(made.value, isKnown: made.isKnown && isKnown)
        }
    }

    /// What a column that is NOT NULL and has no DEFAULT holds in rows already there.
    init(implicit type: MySQLType, _ shape: ColumnShape, _ dates: DateRule) {
        switch type.kind {
        case .date, .datetime, .timestamp:
            let zero = "0000-00-00 00:00:00"
            self.init(text: Array((type.kind == .date ? String(zero.prefix(10)) : zero).utf8), type, shape, dates)
        case .time: self.init(text: Array("00:00:00".utf8), type, shape, dates)
        case .enum: self.init(.bytes(Array((type.members.first ?? "").utf8)), isKnown: true)
        case .uuid: self.init(text: Array("00000000-0000-0000-0000-000000000000".utf8), type, shape, dates)
        case .inet4: self.init(text: Array("0.0.0.0".utf8), type, shape, dates)
        case .inet6: self.init(text: Array("::".utf8), type, shape, dates)
        case .json, .geometry, .point, .linestring, .polygon, .multipoint, .multilinestring, .multipolygon,
            .geometrycollection, .vector, .other:
            self.init(.bytes([]), isKnown: false)
        default:
            let isNumber = shape.type != .string && shape.type != .bytes || type.kind == .decimal
            self.init(text: isNumber ? [UInt8(ascii: "0")] : [], type, shape, dates)
        }
    }

    /// The value of a text as the server reads it.
    init(text: [UInt8], _ type: MySQLType, _ shape: ColumnShape, _ dates: DateRule) {
        let batch = RowBatch(shapes: [("value", shape)])
        let codec = ColumnCodec(type, shape: shape, dates: dates)
        var losses = LossCounts()
        let output = Scratch(capacity: 256)
        let isFit = unsafe text.withUnsafeBytes {
            codec.append(unsafe ByteView($0), to: batch.columns[0], output, &losses)
        }
        guard isFit else {
            self.init(.null, isKnown: false)
            return
        }
        self.init(TypedValue(batch.columns[0], 0), isKnown: true)
    }
}
