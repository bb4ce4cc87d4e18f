public import Columns
public import Event
internal import JSON

/// Columns of a table that no statement and no record tells the types of: found out from its rows.
///
/// Integers become bigint, other numbers decimal(38, s) with the most digits behind the point seen (double where
/// one does not fit), text becomes text, lists and objects JSON. Only widens: what was seen before stays
/// readable. Begin with the version of the day before, so that types never depend on one day alone.
public struct InferredSchema: Sendable {
    /// Most columns that are found.
    public static let maximumColumnCount = 4_096

    private struct Guess {
        var name: String
        var rank = Rank.none
        var scale = 0
        /// Digits before the point.
        var whole = 0
    }

    /// From narrow to wide; a column's is the widest of its values.
    private enum Rank: Int, Comparable {
        case none, boolean, integer, unsigned, decimal, double, text, json
        static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
    }

    private var guesses: [Guess] = []
    private var index: [String: Int] = [:]
    private var key: [String] = []

    public init(_ previous: TableVersion? = nil) {
        for column in previous?.columns ?? [] {
            var guess = Guess(name: column.name)
            switch column.type.kind {
            case .tinyint: guess.rank = .boolean
            case .bigint: guess.rank = column.type.isUnsigned ? .unsigned : .integer
            case .decimal:
                guess.rank = .decimal
                guess.scale = column.type.scale ?? 0
                guess.whole = 38 - guess.scale
            case .double: guess.rank = .double
            case .json: guess.rank = .json
            case .bit: guess.rank = .none
            default: guess.rank = .text
            }
            index[column.name] = guesses.count
            guesses.append(guess)
        }
        if let previous { key = previous.key.map { previous.columns[$0].name } }
    }

    /// Looks at a row's document; `key` are the key's columns as its record says them.
    public mutating func observe(_ document: ByteView, key: [String]? = nil) {
        if let key, self.key.isEmpty { self.key = key }
        var cursor = JSONParts(document)
        while let (name, value) = cursor.next() {
            let scratch = Scratch(capacity: 64)
            scratch.append(unescaped: name.inside)
            let text = scratch.view.text
            let at: Int
            if let known = index[text] {
                at = known
            } else {
                guard guesses.count < Self.maximumColumnCount else { continue }
                at = guesses.count
                index[text] = at
                guesses.append(Guess(name: text))
            }
            observe(value, at)
        }
    }

    private mutating func observe(_ value: JSONPart, _ at: Int) {
        let rank: Rank
        switch value.kind {
        case .missing, .null: return
        case .yes, .no: rank = .boolean
        case .string: rank = .text
        case .structure: rank = .json
        case .number: rank = number(value.raw, at)
        }
        // Text beside numbers is text; a list or an object beside text is text as well: all are kept as written.
        let isMixed = rank != guesses[at].rank && guesses[at].rank != .none && max(rank, guesses[at].rank) >= .text
        guesses[at].rank = isMixed ? .text : max(rank, guesses[at].rank)
    }

    private mutating func number(_ text: ByteView, _ at: Int) -> Rank {
        if let integer = IntegerText.parse(text) {
            let digitCount = text.count
            guesses[at].whole = max(guesses[at].whole, digitCount)
            return Int64(exactly: integer) != nil ? .integer : integer > 0 ? .unsigned : .decimal
        }
        let point = text.firstIndex(of: UInt8(ascii: "."), from: 0)
        let exponent = text.firstIndex(of: UInt8(ascii: "e"), or: UInt8(ascii: "E"), from: 0)
        guard exponent == text.count else { return .double }
        guesses[at].scale = max(guesses[at].scale, max(0, text.count - point - 1))
        guesses[at].whole = max(guesses[at].whole, point)
        return .decimal
    }

    /// The columns found so far, from a place on.
    public func version(from place: SourcePlace, dates: DateRule) -> TableVersion {
        let columns = guesses.enumerated().map { id, guess in
            let type = type(guess)
            return TableColumn(
                id: id, name: guess.name, type: type, shape: type.shape(dates), isNullable: true, defaultClause: nil,
                generated: .no, isInvisible: false)
        }
        let keys = key.compactMap { name in index[name] }
        return TableVersion(
            from: place, columns: columns, key: keys.count == key.count ? keys : [], source: .inferred, dates: dates)
    }

    private func type(_ guess: Guess) -> MySQLType {
        switch guess.rank {
        case .boolean: return MySQLType(.tinyint, length: 1)
        case .integer: return MySQLType(.bigint)
        case .unsigned:
            var type = MySQLType(.bigint)
            type.isUnsigned = true
            return type
        case .decimal:
            guard guess.scale + guess.whole <= 40, guess.scale <= 38 else { return MySQLType(.double) }
            return MySQLType(.decimal, length: 38, scale: guess.scale)
        case .double: return MySQLType(.double)
        case .json: return MySQLType(.json)
        case .none, .text: return MySQLType(.longtext)
        }
    }
}
