internal import Columns
internal import Event
internal import JSON
internal import TimeZone

extension RowDecoder {
    /// A value as Maxwell writes it. Numbers and strings are what the server prints, but for the types named here.
    func appendMaxwell(_ value: JSONPart, _ index: Int, _ column: Column) -> Bool {
        let codec = codecs[index]
        switch value.kind {
        case .missing: return false
        case .null: return appendNullMaxwell(index, column)
        case .number:
            if codec.kind == .bit { return appendMaxwellBits(value.raw, codec, column) }
            if codec.kind == .year, value.raw.equals("1900") { return codec.append(integer: 0, to: column) }
            return codec.append(value.raw, to: column, output, &losses)
        case .yes, .no:
            if codec.isInteger { return codec.append(integer: value.kind == .yes ? 1 : 0, to: column) }
            return appendRaw(value, codec, column)
        case .structure:
            if codec.kind == .set { return appendMembers(value.raw, column) }
            return appendRaw(value, codec, column)
        case .string: break
        }
        if codec.kind == .json { return appendRaw(value, codec, column) }
        let text = content(value)
        switch codec.kind {
        case .enum: return append(member: text, codec, column)
        case .time:
            guard let micros = ClockText.micros(text) else { return false }
            losses.add(.timeOfDay)
            codec.append(clock: unmoved(micros), to: column, output)
            return true
        case .date, .datetime, .timestamp:
            guard let fields = DateFields(text) else { return false }
            if fields.isZero, codec.dates == .text { losses.add(.movedDate) }
            if fields.year == 1_582, fields.month == 10, (15...24).contains(fields.day) { losses.add(.movedDate) }
            return codec.append(fields, to: column, output, &losses)
        default: break
        }
        if codec.isBytes { return append(base64: text, codec, column) }
        if codec.isGeometry {
            losses.add(.missingSRID)
            bytes.removeAll(keepingCapacity: true)
            bytes.append(contentsOf: [0, 0, 0, 0])
            guard WellKnownText.append(text, to: &bytes) else { return false }
            appendBytes(to: column)
            return true
        }
        if codec.hasOtherCharset { checkText(text) }
        return codec.append(text, to: column, output, &losses)
    }

    private func appendNullMaxwell(_ index: Int, _ column: Column) -> Bool {
        let definition = version.columns[index]
        if definition.isNullable {
            column.appendNull()
        } else if definition.type.kind == .enum {
            // The error value '' arrives as null.
            column.append(.empty)
        } else if definition.type.kind == .json {
            losses.add(.jsonNull)
            output.removeAll()
            output.append("null")
            column.append(output.view)
        } else {
            column.appendNull()
        }
        return true
    }

    /// A member whose quotes Maxwell wrote as it found them in the statement: doubled.
    private func append(member text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        for member in codec.members where member.elementsEqual(text) {
            column.append(text)
            return true
        }
        output.removeAll()
        var at = 0
        while at < text.count {
            output.append(text[at])
            let isDoubled = text[at] == UInt8(ascii: "'") && at + 1 < text.count && text[at + 1] == UInt8(ascii: "'")
            at += isDoubled ? 2 : 1
        }
        let single = output.view
        column.append(codec.members.contains { $0.elementsEqual(single) } ? single : text)
        return true
    }

    /// Every byte of a BIT is shifted as a 32-bit number: right up to 31 bits, and if the top bit is set.
    private func appendMaxwellBits(_ text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        guard let value = IntegerText.parse(text) else { return false }
        guard codec.bitCount > 31 else { return codec.append(bits: value, to: column) }
        if value < 1 << 63 { losses.add(.wideBits) }
        let bits = value < 0 ? Int128(UInt64(truncatingIfNeeded: value)) : value
        return codec.append(bits: bits % (1 << Int128(codec.bitCount)), to: column)
    }

    /// A TIME moved back by the reader's zone, as it stood on the day that TIMEs are counted from.
    private func unmoved(_ micros: Int64) -> Int64 {
        guard let zone else { return micros }
        let day: Int64 = 86_400_000_000
        let moved = (micros - zone.stretch(at: 0).offset * 1_000_000) % day
        return moved < 0 ? moved + day : moved
    }

    /// `["a","b"]` as `a,b`.
    private func appendMembers(_ list: ByteView, _ column: Column) -> Bool {
        var cursor = JSONParts(list, isArray: true)
        output.removeAll()
        var isFirst = true
        while let (_, value) = cursor.next() {
            guard value.kind == .string else { return false }
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            if value.hasEscape { output.append(unescaped: value.inside) } else { output.append(value.inside) }
        }
        guard !cursor.isBroken else { return false }
        column.append(output.view)
        return true
    }

    /// JSON in a column of text, as it stands in the record.
    func appendRaw(_ value: JSONPart, _ codec: ColumnCodec, _ column: Column) -> Bool {
        guard codec.shape.type == .string else { return false }
        column.append(value.raw)
        return true
    }

    func append(base64 text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        bytes.removeAll(keepingCapacity: true)
        guard BytesText.decode(text, .base64, into: &bytes) else { return false }
        appendPaddedBytes(codec, column)
        return true
    }

    func appendPaddedBytes(_ codec: ColumnCodec, _ column: Column) {
        unsafe bytes.withUnsafeBytes { codec.appendPadded(unsafe ByteView($0), to: column, output) }
    }

    func appendBytes(to column: Column) {
        unsafe bytes.withUnsafeBytes { column.append(unsafe ByteView($0)) }
    }
}

extension [UInt8] {
    func elementsEqual(_ view: ByteView) -> Bool {
        guard count == view.count else { return false }
        for index in indices where self[index] != view[index] { return false }
        return true
    }
}
