/// Collects what is wrong while a file is read; at most `ConfigFaults.maximumCount`.
struct FaultList {
    let file: String
    private(set) var faults: [ConfigFault] = []

    init(file: String) { self.file = file }

    mutating func add(_ mark: YAMLMark, _ message: String) {
        guard faults.count < ConfigFaults.maximumCount else { return }
        faults.append(ConfigFault(file: file, line: mark.line, column: mark.column, message: message))
    }

    /// At the value of a member where there is one, else at the mapping itself.
    mutating func add(_ node: YAMLNode, _ name: String, _ message: String) {
        add(node[name]?.value.mark ?? node.mark, message)
    }

    /// In the order of the file.
    var sorted: [ConfigFault] {
        faults.enumerated().sorted {
            ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
        }.map(\.element)
    }
}
