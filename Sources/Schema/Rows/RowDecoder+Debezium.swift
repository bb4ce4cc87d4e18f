internal import Columns
internal import Event
internal import JSON

extension RowDecoder {
    /// A value as Debezium writes it, in any of its modes.
    func appendDebezium(_ value: JSONPart, _ index: Int, _ column: Column) -> Bool {
        let row = column.count
        guard appendDebeziumValue(value, index, column) else { return false }
        if !keepsNull, let standIn = standIns[index], !column.isNull(row), TypedValue(column, row) == standIn {
            losses.add(.nullOrDefault)
        } else if !keepsNull, standIns[index] == nil, let standIn = forms[index]?.standIn,
            standIn.elementsEqual(value.raw)
        {
            losses.add(.nullOrDefault)
        }
        return true
    }

    private func appendDebeziumValue(_ value: JSONPart, _ index: Int, _ column: Column) -> Bool {
        let codec = codecs[index]
        switch value.kind {
        case .missing: return false
        case .null: return appendDebeziumNull(index, column)
        case .yes, .no:
            if codec.kind == .bit { return codec.append(bits: value.kind == .yes ? 1 : 0, to: column) }
            if value.kind == .yes { losses.add(.boolean) }
            guard codec.isInteger else { return appendRaw(value, codec, column) }
            return codec.append(integer: value.kind == .yes ? 1 : 0, to: column)
        case .number: return append(number: value.raw, index, column)
        case .structure:
            guard codec.isGeometry else { return appendRaw(value, codec, column) }
            return append(geometry: value.raw, column)
        case .string: break
        }
        let text = content(value)
        switch codec.kind {
        case .tinyint, .smallint, .mediumint, .int, .bigint:
            // BIGINT UNSIGNED in mode `precise`: a decimal, in mode `string` of decimals too.
            guard codec.kind == .bigint, codec.isUnsigned else {
                return codec.append(text, to: column, output, &losses)
            }
            return append(unscaled: text, codec, column)
        case .decimal: return append(decimal: text, index, column)
        case .bit: return append(littleEndianBits: text, codec, column)
        case .date, .datetime, .timestamp: return append(isoDate: text, codec, column)
        case .time:
            guard let micros = ClockText.micros(text) else { return false }
            hasTextTimes = true
            codec.append(clock: micros, to: column, output)
            return true
        case .enum: return append(escapedMember: text, codec, column)
        default: break
        }
        if codec.isBytes { return append(bytes: text, index, column) }
        if codec.hasOtherCharset { checkText(text) }
        return codec.append(text, to: column, output, &losses)
    }

    private func appendDebeziumNull(_ index: Int, _ column: Column) -> Bool {
        learnNull(index)
        let definition = version.columns[index]
        if definition.type.isTime {
            // No NULL may stand here: it was a zero date.
            if !definition.isNullable { return codecs[index].append(DateFields(), to: column, output, &losses) }
            // A zero TIMESTAMP is seen in the stream; a snapshot has NULL for it.
            if definition.type.kind != .timestamp || isSnapshot { losses.add(.nullDate) }
        } else if definition.type.kind == .time, hasTextTimes || !definition.isNullable {
            losses.add(.nullTime)
        }
        column.appendNull()
        return true
    }

    private func append(number text: ByteView, _ index: Int, _ column: Column) -> Bool {
        let codec = codecs[index]
        switch codec.kind {
        case .float:
            if isSnapshot { losses.add(.floatDigits) }
        case .bigint:
            guard codec.isUnsigned, let value = IntegerText.parse(text), value < 0 else { break }
            return codec.append(integer: value + (1 << 64), to: column)
        case .decimal:
            losses.add(.roundedDecimal)
            guard let value = NumberFormat.double(text) else { return false }
            return append(rounded: value, text, codec, column)
        case .year:
            if text.equals("1900") { return codec.append(integer: 0, to: column) }
            if isSnapshot, text.equals("2000") { losses.add(.zeroYear) }
        case .date:
            guard let days = IntegerText.parse(text), days.magnitude < 10_000_000,
                let fields = DateFields(micros: Int64(days) * 86_400_000_000)
            else { return false }
            return codec.append(fields, to: column, output, &losses)
        case .datetime, .timestamp: return append(epoch: text, index, column)
        case .time:
            guard let micros = micros(text, index), micros.magnitude <= UInt64(ClockText.maximum) else { return false }
            codec.append(clock: micros, to: column, output)
            return true
        default: break
        }
        if codec.shape.type == .string { return appendRaw(JSONPart(kind: .number, raw: text), codec, column) }
        return codec.append(text, to: column, output, &losses)
    }

    /// A DATETIME as a count from 1970.
    private func append(epoch text: ByteView, _ index: Int, _ column: Column) -> Bool {
        guard let micros = micros(text, index), let fields = DateFields(micros: micros) else { return false }
        return codecs[index].append(fields, to: column, output, &losses)
    }

    /// A counted time in microseconds.
    private func micros(_ text: ByteView, _ index: Int) -> Int64? {
        guard let found = IntegerText.parse(text), let value = Int64(exactly: found) else { return nil }
        let codec = codecs[index]
        let unit = unit(of: value, index)
        if unit == .milliseconds, codec.fraction > 3 { losses.add(.cutFraction) }
        switch unit {
        case .milliseconds:
            let (micros, overflow) = value.multipliedReportingOverflow(by: 1_000)
            return overflow ? nil : micros
        case .microseconds: return value
        case .nanoseconds: return value / 1_000
        }
    }

    private func append(isoDate text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        guard var fields = DateFields(text) else { return false }
        if let offset = fields.offset, offset != 0, let micros = fields.micros,
            let moved = DateFields(micros: micros - offset * 60_000_000)
        {
            fields = moved
        }
        if codec.kind == .timestamp, let micros = fields.micros, micros >= 0, micros < 1_000_000 {
            // TIMESTAMPs begin one second behind the epoch: this one is the zero TIMESTAMP.
            fields = DateFields()
        }
        return codec.append(fields, to: column, output, &losses)
    }

    /// Base64 of an unscaled number, or the number's text: see `learn`.
    private func append(decimal text: ByteView, _ index: Int, _ column: Column) -> Bool {
        let codec = codecs[index]
        learn(text, index)
        let mode = forms[index]?.decimals ?? Self.decimalMode(text) ?? decimals
        if mode == nil { losses.add(.guessedMode) }
        if mode == .precise { return append(unscaled: text, codec, column) }
        return codec.append(text, to: column, output, &losses)
    }

    private func append(unscaled text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        bytes.removeAll(keepingCapacity: true)
        guard BytesText.decode(text, .base64, into: &bytes), bytes.count > 0 else { return false }
        guard codec.shape.type == .decimal else {
            output.removeAll()
            let isFit = unsafe bytes.withUnsafeBytes {
                LongDecimal.write(
                    unsafe ByteView($0), precision: codec.type.precision, scale: codec.type.scale ?? 0, into: output)
            }
            guard isFit else { return false }
            column.append(output.view)
            return true
        }
        guard bytes.count <= 16 else { return false }
        var number: Int128 = bytes[0] >= 0x80 ? -1 : 0
        for byte in bytes { number = number << 8 | Int128(byte) }
        guard number.magnitude < DecimalText.power(codec.shape.precision).magnitude || codec.shape.precision == 38
        else { return false }
        column.append(decimal: number)
        return true
    }

    /// A decimal that came as a double, with the digits that it shows.
    private func append(rounded value: Double, _ text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        if codec.append(text, to: column, output, &losses) { return true }
        guard codec.shape.type == .decimal else { return append(greatest: value, codec, column) }
        guard codec.shape.scale <= 18 else { return false }
        let power = Double(Int64(DecimalText.power(codec.shape.scale)))
        let scaled = value * power
        let most = DecimalText.power(codec.shape.precision)
        // Why: the double next to the greatest number that the column holds may lie behind it.
        if scaled.magnitude >= Double(most), scaled.magnitude <= Double(most) * (1 + 0x1p-52) {
            column.append(decimal: value < 0 ? 1 - most : most - 1)
            return true
        }
        // Behind 2^53 a double has no digits to round.
        guard scaled.magnitude < 9_007_199_254_740_992 else { return false }
        column.append(decimal: Int128(Int64(scaled + (scaled < 0 ? -0.5 : 0.5))))
        return true
    }

    /// The greatest number that a long decimal holds, for the double next to it, which lies behind it.
    private func append(greatest value: Double, _ codec: ColumnCodec, _ column: Column) -> Bool {
        let scale = codec.type.scale ?? 0
        let digits = codec.type.precision - scale
        var bound = 1.0
        for _ in 0..<digits { bound *= 10 }
        guard value.magnitude >= bound * (1 - 0x1p-52), value.magnitude <= bound * (1 + 0x1p-50) else { return false }
        output.removeAll()
        if value < 0 { output.append(UInt8(ascii: "-")) }
        for _ in 0..<digits { output.append(UInt8(ascii: "9")) }
        if digits == 0 { output.append(UInt8(ascii: "0")) }
        if scale > 0 { output.append(UInt8(ascii: ".")) }
        for _ in 0..<scale { output.append(UInt8(ascii: "9")) }
        column.append(output.view)
        return true
    }

    private func append(littleEndianBits text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        bytes.removeAll(keepingCapacity: true)
        guard BytesText.decode(text, .base64, into: &bytes), bytes.count <= 8 else { return false }
        var value: Int128 = 0
        for byte in bytes.reversed() { value = value << 8 | Int128(byte) }
        return codec.append(bits: value, to: column)
    }

    /// `b\,c` for the member `b,c`: commas are escaped in the stream and not in a snapshot.
    private func append(escapedMember text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        if text.firstIndex(of: UInt8(ascii: "\\"), from: 0) == text.count
            || codec.members.contains(where: { $0.elementsEqual(text) })
        {
            column.append(text)
            return true
        }
        output.removeAll()
        var at = 0
        while at < text.count {
            let isEscape = text[at] == UInt8(ascii: "\\") && at + 1 < text.count && text[at + 1] == UInt8(ascii: ",")
            if !isEscape { output.append(text[at]) }
            at += 1
        }
        column.append(output.view)
        return true
    }

    /// `{"wkb": base64, "srid": number}` as the server stores it: SRID, then WKB.
    private func append(geometry document: ByteView, _ column: Column) -> Bool {
        var cursor = JSONParts(document)
        var srid: UInt32 = 0
        var wkb: JSONPart?
        while let (name, value) = cursor.next() {
            if name.inside.equals("srid"), value.kind == .number {
                guard let number = IntegerText.parse(value.raw), let found = UInt32(exactly: number) else {
                    return false
                }
                srid = found
            } else if name.inside.equals("wkb"), value.kind == .string {
                wkb = value
            }
        }
        guard !cursor.isBroken, let wkb else { return false }
        bytes.removeAll(keepingCapacity: true)
        for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: srid >> shift)) }
        guard BytesText.decode(content(wkb), .base64, into: &bytes) else { return false }
        appendBytes(to: column)
        return true
    }

    private func append(bytes text: ByteView, _ index: Int, _ column: Column) -> Bool {
        let codec = codecs[index]
        guard text.count > 0 else { return codec.append(text, to: column, output, &losses) }
        learn(text, index)
        let mode = forms[index]?.binary ?? options.binary ?? Self.binaryMode(text, codec) ?? binary
        if mode == nil { losses.add(.guessedMode) }
        bytes.removeAll(keepingCapacity: true)
        guard BytesText.decode(text, mode == .hex ? .hex : .base64, into: &bytes) else { return false }
        appendPaddedBytes(codec, column)
        return true
    }
}

extension RowDecoder {
    /// A NULL where the default would stand if Debezium put it there.
    func learnNull(_ index: Int) {
        guard !keepsNull, standIns[index] != nil || forms[index]?.standIn != nil else { return }
        keepsNull = true
        losses.clear(.nullOrDefault)
    }

    /// Keeps what a count tells of the unit that times are in.
    func learnUnit(_ text: ByteView, _ index: Int) {
        let codec = codecs[index]
        guard forms[index]?.unit == nil, codec.isCountedTime, let found = IntegerText.parse(text),
            let value = Int64(exactly: found)
        else { return }
        temporal.learn(codec, value)
    }

    private func unit(of value: Int64, _ index: Int) -> EpochUnit {
        if let unit = forms[index]?.unit { return unit }
        let (unit, isGuess) = temporal.unit(codecs[index], of: value)
        if isGuess { losses.add(.guessedMode) }
        return unit
    }

    /// Keeps what a text tells of Debezium's modes.
    func learn(_ text: ByteView, _ index: Int) {
        let codec = codecs[index]
        if codec.kind == .time {
            hasTextTimes = true
        } else if decimals == nil, codec.kind == .decimal {
            decimals = Self.decimalMode(text)
        } else if binary == nil, codec.isBytes {
            binary = Self.binaryMode(text, codec)
        }
    }

    /// A point, a sign (that of `0E-8` too) or a length that base64 does not have: text. A letter or padding: base64.
    /// Digits alone: nil.
    static func decimalMode(_ text: ByteView) -> DecodeOptions.DecimalMode? {
        var isNumber = true
        for at in 0..<text.count {
            switch text[at] {
            case 0x30...0x39: continue
            case UInt8(ascii: "."), UInt8(ascii: "-"): return .text
            default: isNumber = false
            }
        }
        if !isNumber { return .precise }
        return text.count % 4 == 0 ? nil : .text
    }

    /// Sixteen lower-case hexadecimal digits in a row are base64 once in four thousand millions.
    static func binaryMode(_ text: ByteView, _ codec: ColumnCodec) -> DecodeOptions.BinaryMode? {
        for at in 0..<text.count {
            switch text[at] {
            case 0x30...0x39, 0x61...0x66: continue
            default: return .base64
            }
        }
        if text.count % 4 != 0 { return .hex }
        if codec.kind == .binary, let width = codec.type.length {
            let hexCount = width * 2
            let base64Count = (width + 2) / 3 * 4
            if hexCount != base64Count { return text.count == hexCount ? .hex : .base64 }
        }
        return text.count >= 16 ? .hex : nil
    }
}
