internal import Columns
internal import Event
internal import JSON
internal import TimeZone

extension RowDecoder {
    /// A value as Canal writes it: a string, or null.
    func appendCanal(_ value: JSONPart, _ index: Int, _ column: Column) -> Bool {
        let codec = codecs[index]
        switch value.kind {
        case .missing: return false
        case .null:
            column.appendNull()
            return true
        case .number: return codec.append(value.raw, to: column, output, &losses)
        case .yes, .no, .structure: return appendRaw(value, codec, column)
        case .string: break
        }
        let text = content(value)
        switch codec.kind {
        case .enum: return append(number: text, codec, column)
        case .set: return append(mask: text, codec, column)
        case .timestamp: return append(localTimestamp: text, codec, column)
        case .json:
            column.append(restored(text))
            return true
        default: break
        }
        if codec.isBytes || codec.isGeometry {
            output.removeAll()
            guard output.append(latin: text) else { return false }
            bytes.removeAll(keepingCapacity: true)
            for at in 0..<output.count { bytes.append(output.view[at]) }
            appendPaddedBytes(codec, column)
            return true
        }
        if codec.hasOtherCharset, !isASCII(text) {
            losses.add(.destroyedText)
        }
        return codec.append(text, to: column, output, &losses)
    }

    /// An ENUM's number, 1 for the first member; 0 is the error value.
    private func append(number text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        guard let number = IntegerText.parse(text) else {
            // On MySQL, and for snapshots of other kinds, members come as text.
            guard codec.members.contains(where: { $0.elementsEqual(text) }) else { return false }
            column.append(text)
            return true
        }
        guard number >= 0, number <= codec.members.count else { return false }
        if number == 0 {
            column.append(.empty)
            return true
        }
        unsafe codec.members[Int(number) - 1].withUnsafeBytes { column.append(unsafe ByteView($0)) }
        return true
    }

    /// A SET's bit mask, the first member lowest.
    private func append(mask text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        guard let parsed = IntegerText.parse(text) else {
            column.append(text)
            return true
        }
        let mask = UInt64(truncatingIfNeeded: parsed)
        guard codec.members.count >= 64 || mask >> UInt64(codec.members.count) == 0 else { return false }
        output.removeAll()
        for (bit, member) in codec.members.prefix(64).enumerated() where mask >> UInt64(bit) & 1 == 1 {
            if output.count > 0 { output.append(UInt8(ascii: ",")) }
            output.append(member)
        }
        column.append(output.view)
        return true
    }

    /// A TIMESTAMP on the wall clock of the machine that Canal runs on.
    private func append(localTimestamp text: ByteView, _ codec: ColumnCodec, _ column: Column) -> Bool {
        guard let fields = DateFields(text) else { return false }
        guard let zone, let micros = fields.micros else {
            if zone == nil, !fields.isZero { losses.add(.assumedZone) }
            return codec.append(fields, to: column, output, &losses)
        }
        let instant = zone.instant(ofLocal: (micros - fields.micro) / 1_000_000)
        if isRepeated(instant, zone) { losses.add(.assumedZone) }
        guard let moved = DateFields(micros: instant * 1_000_000 + fields.micro) else { return false }
        return codec.append(moved, to: column, output, &losses)
    }

    /// Whether the wall clock shows an instant's time once more, because it is set back.
    private func isRepeated(_ instant: Int64, _ zone: Zone) -> Bool {
        let stretch = zone.stretch(at: instant)
        let back = stretch.offset - zone.stretch(at: stretch.to).offset
        return back > 0 && instant >= stretch.to - back
    }

    /// JSON that arrives as Latin-1 of its UTF-8 bytes (MariaDB); as it is where that cannot be.
    private func restored(_ text: ByteView) -> ByteView {
        guard !isASCII(text) else { return text }
        output.removeAll()
        guard output.append(latin: text), UTF8Text.isValid(output.view) else { return text }
        return output.view
    }

    private func isASCII(_ text: ByteView) -> Bool {
        var at = 0
        while at + 8 <= text.count {
            if text.word(at: at) & 0x8080_8080_8080_8080 != 0 { return false }
            at &+= 8
        }
        while at < text.count {
            if text[at] >= 0x80 { return false }
            at &+= 1
        }
        return true
    }
}
