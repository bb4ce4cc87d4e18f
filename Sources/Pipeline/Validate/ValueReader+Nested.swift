internal import Columns
internal import Event

// Lists, maps and structs. The text was read as JSON before: it is whole, and only its values are in question.
extension ValueReader {
    /// Appends a structure's value to a nested column, part by part. Says why not if a part is of another type;
    /// `nestedNode` is then that part.
    mutating func appendNested(_ cell: Cell, _ step: ColumnStep, to column: Column) -> Rejection? {
        nestedNode = rules[Int(step.index)].nested
        guard cell.kind == .structure else { return .wrongType }
        places.removeAll(keepingCapacity: true)
        var text = JSONCursor(cell.bytes)
        let reason = value(&text, nestedNode, column)
        hasValue = true
        return reason
    }

    /// Appends the value at the cursor, which then stands behind it.
    private mutating func value(_ text: inout JSONCursor, _ node: Int, _ column: Column) -> Rejection? {
        let type = nestedNodes[node].step.type
        guard type.isNested, text.byte != UInt8(ascii: "n") else {
            nestedNode = node
            return append(text.cell(type, unescaped), nestedNodes[node].step, to: column)
        }
        let opening = type == .list ? UInt8(ascii: "[") : UInt8(ascii: "{")
        guard text.byte == opening else {
            nestedNode = node
            return .wrongType
        }
        switch type {
        case .list: return list(&text, node, column)
        case .map: return map(&text, node, column)
        default: return structure(&text, node, column)
        }
    }

    private mutating func list(_ text: inout JSONCursor, _ node: Int, _ column: Column) -> Rejection? {
        let child = nestedNodes[node].children.lowerBound
        let elements = column.children[0]
        text.open()
        while text.byte != UInt8(ascii: "]"), text.byte != 0 {
            if let reason = value(&text, child, elements) { return reason }
            text.comma()
        }
        text.step()
        column.appendList()
        return nil
    }

    private mutating func structure(_ text: inout JSONCursor, _ node: Int, _ column: Column) -> Rejection? {
        let children = nestedNodes[node].children
        let names = nestedNodes[node].names
        let base = places.count
        for _ in children { places.append(-1) }
        text.open()
        while text.byte != UInt8(ascii: "}"), text.byte != 0 {
            let name = text.cell(.string, unescaped).bytes
            let field = nestedFields[names].index(of: name)
            text.colon()
            // Of equal names the last counts.
            if field >= 0 { places[base + field] = Int32(truncatingIfNeeded: text.at) }
            text.skip()
            text.comma()
        }
        text.step()
        var inner = text
        for (index, column) in column.children.enumerated() {
            let place = Int(places[base + index])
            if place < 0 {
                column.appendNull()
                continue
            }
            inner.at = place
            if let reason = value(&inner, children.lowerBound + index, column) { return reason }
        }
        places.removeLast(children.count)
        column.appendStructure()
        return nil
    }

    private mutating func map(_ text: inout JSONCursor, _ node: Int, _ column: Column) -> Rejection? {
        let key = nestedNodes[node].children.lowerBound
        let (keys, values) = (column.children[0], column.children[1])
        let base = places.count
        let first = keys.count
        text.open()
        while text.byte != UInt8(ascii: "}"), text.byte != 0 {
            places.append(Int32(truncatingIfNeeded: text.at))
            if let reason = appendKey(&text, key, keys) { return reason }
            text.colon()
            places.append(Int32(truncatingIfNeeded: text.at))
            text.skip()
            text.comma()
        }
        text.step()
        var inner = text
        if dropEarlierKeys(keys, from: first, base) {
            keys.truncate(to: first)
            for index in stride(from: base, to: places.count, by: 2) where places[index] >= 0 {
                inner.at = Int(places[index])
                if let reason = appendKey(&inner, key, keys) { return reason }
            }
        }
        for index in stride(from: base, to: places.count, by: 2) where places[index] >= 0 {
            inner.at = Int(places[index + 1])
            if let reason = value(&inner, key + 1, values) { return reason }
        }
        places.removeLast(places.count - base)
        column.appendList()
        return nil
    }

    private mutating func appendKey(_ text: inout JSONCursor, _ key: Int, _ keys: Column) -> Rejection? {
        nestedNode = key
        let step = nestedNodes[key].step
        var cell = text.cell(.string, unescaped)
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
                places[base + 2 * Int(keySlots[slot])] = -1
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
