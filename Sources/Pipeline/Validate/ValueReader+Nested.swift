internal import Columns
internal import Event
internal import JSON

// Lists, maps and structs. The text was read as JSON before: it is whole, and only its values are in question.
extension ValueReader {
    /// Appends a structure's value to a nested column, part by part. Says why not if a part is of another type;
    /// `nestedNode` is then that part.
    mutating func appendNested(_ cell: Cell, _ step: ColumnStep, to column: Column) -> Rejection? {
        nestedNode = rules[Int(step.index)].nested
        guard cell.kind == .structure else { return .wrongType }
        places.removeAll(keepingCapacity: true)
        let reason = value(JSONPart(kind: .structure, raw: cell.bytes), nestedNode, column)
        hasValue = true
        return reason
    }

    private mutating func value(_ part: JSONPart, _ node: Int, _ column: Column) -> Rejection? {
        let type = nestedNodes[node].step.type
        guard type.isNested, part.kind != .null else {
            nestedNode = node
            return append(cell(part, type), nestedNodes[node].step, to: column)
        }
        guard part.kind == .structure, part.isObject != (type == .list) else {
            nestedNode = node
            return .wrongType
        }
        switch type {
        case .list: return list(part.raw, node, column)
        case .map: return map(part.raw, node, column)
        default: return structure(part.raw, node, column)
        }
    }

    /// A string with escapes goes through `unescaped`, and is valid until the next one does.
    private func cell(_ part: JSONPart, _ type: ColumnType) -> Cell {
        switch part.kind {
        case .missing, .null: return .none
        case .number: return Cell(kind: .number, bytes: part.raw)
        case .yes: return Cell(kind: .yes, bytes: part.raw)
        case .no: return Cell(kind: .no, bytes: part.raw)
        case .structure: return Cell(kind: .structure, bytes: part.raw)
        case .string:
            if type == .json { return Cell(kind: .string, bytes: part.raw) }
            guard part.hasEscape else { return Cell(kind: .string, bytes: part.inside) }
            unescaped.removeAll(reserving: part.raw.count)
            unescaped.append(unescaped: part.inside)
            return Cell(kind: .string, bytes: unescaped.view)
        }
    }

    private mutating func list(_ text: ByteView, _ node: Int, _ column: Column) -> Rejection? {
        let child = nestedNodes[node].children.lowerBound
        let elements = column.children[0]
        var parts = JSONParts(text, isArray: true)
        while let part = parts.next() {
            if let reason = value(part.value, child, elements) { return reason }
        }
        if parts.isBroken { return .malformed }
        column.appendList()
        return nil
    }

    private mutating func structure(_ text: ByteView, _ node: Int, _ column: Column) -> Rejection? {
        let children = nestedNodes[node].children
        let names = nestedNodes[node].names
        let base = places.count
        for _ in children { places.append(.missing) }
        var parts = JSONParts(text)
        while let part = parts.next() {
            let field = nestedFields[names].index(of: cell(part.name, .string).bytes)
            // Of equal names the last counts.
            if field >= 0 { places[base + field] = part.value }
        }
        if parts.isBroken { return .malformed }
        for (index, column) in column.children.enumerated() {
            let part = places[base + index]
            if part.kind == .missing {
                column.appendNull()
            } else if let reason = value(part, children.lowerBound + index, column) {
                return reason
            }
        }
        places.removeLast(children.count)
        column.appendStructure()
        return nil
    }

    private mutating func map(_ text: ByteView, _ node: Int, _ column: Column) -> Rejection? {
        let key = nestedNodes[node].children.lowerBound
        let (keys, values) = (column.children[0], column.children[1])
        let base = places.count
        let first = keys.count
        var parts = JSONParts(text)
        while let part = parts.next() {
            if let reason = appendKey(part.name, key, keys) { return reason }
            places.append(part.name)
            places.append(part.value)
        }
        if parts.isBroken { return .malformed }
        if dropEarlierKeys(keys, from: first, base) {
            keys.truncate(to: first)
            for index in stride(from: base, to: places.count, by: 2) where places[index].kind != .missing {
                if let reason = appendKey(places[index], key, keys) { return reason }
            }
        }
        for index in stride(from: base, to: places.count, by: 2) where places[index].kind != .missing {
            if let reason = value(places[index + 1], key + 1, values) { return reason }
        }
        places.removeLast(places.count - base)
        column.appendList()
        return nil
    }

    private mutating func appendKey(_ name: JSONPart, _ key: Int, _ keys: Column) -> Rejection? {
        nestedNode = key
        let step = nestedNodes[key].step
        var cell = cell(name, .string)
        // Names are strings; what they stand for is the key's own business.
        if step.type != .string { cell.kind = .text }
        if let reason = append(cell, step, to: keys) { return reason }
        return hasValue ? nil : .wrongType
    }

    /// Marks the places of keys that come again later; false if there are none.
    private mutating func dropEarlierKeys(_ keys: Column, from first: Int, _ base: Int) -> Bool {
        let count = keys.count - first
        guard count > 1 else { return false }
        var size = 8
        while size < count * 2 { size *= 2 }
        keySlots.removeAll(keepingCapacity: true)
        for _ in 0..<size { keySlots.append(-1) }
        var hasEqual = false
        for index in 0..<count {
            var slot = Int(truncatingIfNeeded: Self.hash(keys, first + index)) & (size - 1)
            while keySlots[slot] >= 0, !Self.isEqual(keys, first + Int(keySlots[slot]), first + index) {
                slot = (slot + 1) & (size - 1)
            }
            if keySlots[slot] >= 0 {
                hasEqual = true
                places[base + 2 * Int(keySlots[slot])] = .missing
            }
            keySlots[slot] = Int32(truncatingIfNeeded: index)
        }
        return hasEqual
    }

    private static func hash(_ keys: Column, _ row: Int) -> UInt64 {
        guard !keys.holdsBytes else { return FieldNames.hash(keys.bytes(row)) }
        let value = UInt64(bitPattern: keys.integer(row)) &* 0x9E37_79B9_7F4A_7C15
        return value ^ value >> 32
    }

    private static func isEqual(_ keys: Column, _ left: Int, _ right: Int) -> Bool {
        keys.holdsBytes ? keys.bytes(left).equals(keys.bytes(right)) : keys.integer(left) == keys.integer(right)
    }
}
