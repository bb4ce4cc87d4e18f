internal import Columns
internal import Event
internal import Platform

extension RandomTable {
    /// A shape of random kind; one in four is nested.
    static func shape(depth: Int, _ generator: inout SeededGenerator) -> ColumnShape {
        guard depth < 4, Int.random(in: 0..<(depth == 0 ? 4 : 3), using: &generator) == 0 else {
            let type = ColumnType.scalars.randomElement(using: &generator) ?? .int64
            let precision = Int.random(in: 1...38, using: &generator)
            return ColumnShape(type, precision: precision, scale: Int.random(in: 0...precision, using: &generator))
        }
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: return .list(shape(depth: depth + 1, &generator))
        case 1:
            let key = ColumnShape.keyTypes.randomElement(using: &generator) ?? .string
            return .map(ColumnShape(key), shape(depth: depth + 1, &generator))
        default:
            let fields = (0..<Int.random(in: 1...4, using: &generator)).map { index in
                ColumnField("f\(index)", shape(depth: depth + 1, &generator))
            }
            return .structure(fields)
        }
    }
}

/// The values of one column of a random table, or of a part of a nested one.
struct RandomValues {
    private let column: Column
    private let style: RandomTable.Style
    private let nullShare: Int
    private let isInt96: Bool
    private let isKey: Bool
    private var value: Int64
    private var count = 0
    private var children: [RandomValues] = []

    init(_ column: Column, isInt96: Bool, isKey: Bool, _ generator: inout SeededGenerator) {
        self.column = column
        self.isInt96 = isInt96
        self.isKey = isKey
        style = isKey ? .rising : RandomTable.Style.allCases.randomElement(using: &generator) ?? .few
        nullShare = isKey ? 0 : [0, 0, 1, 50, 99, 100].randomElement(using: &generator) ?? 0
        value = Int64.random(in: (isKey ? 0 : -1_000)...1_000, using: &generator)
        for (index, child) in column.children.enumerated() {
            let isKey = column.type == .map && index == 0
            children.append(RandomValues(child, isInt96: isInt96, isKey: isKey, &generator))
        }
    }

    /// Appends the next value.
    mutating func append(_ generator: inout SeededGenerator) {
        defer { count += 1 }
        if Int.random(in: 0..<100, using: &generator) < nullShare { return column.appendNull() }
        switch column.type {
        case .list, .map:
            // Few lists are long, or tables would be of any size.
            let isLong = Int.random(in: 0..<200, using: &generator) == 0
            let length = isLong ? 70 : [0, 0, 1, 1, 2, 3].randomElement(using: &generator) ?? 1
            for _ in 0..<length {
                for index in children.indices { children[index].append(&generator) }
            }
            column.appendList()
        case .structure:
            for index in children.indices { children[index].append(&generator) }
            column.appendStructure()
        default:
            step(&generator)
            if isKey, column.type == .string {
                let text = Array("key \(value)".utf8)
                unsafe text.withUnsafeBytes { column.append(unsafe ByteView($0)) }
            } else {
                RandomTable.append(value, to: column, isInt96: isInt96, &generator)
            }
        }
    }

    private mutating func step(_ generator: inout SeededGenerator) {
        switch style {
        case .constant: break
        case .few: value = Int64.random(in: 0..<20, using: &generator)
        case .unique: value = Int64.random(in: -1_000_000_000...1_000_000_000, using: &generator)
        case .rising: value += Int64.random(in: isKey ? 1..<50 : 0..<50, using: &generator)
        case .runs: if count % 37 == 0 { value = Int64.random(in: 0..<200, using: &generator) }
        case .extreme:
            value = [.min, .max, 0, -1, 1, .min + 1, Int64.random(in: .min ... .max, using: &generator)]
                .randomElement(using: &generator) ?? 0
        }
    }
}
