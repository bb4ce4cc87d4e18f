// Columns of lists, maps and structs. A value's parts go into the children first, then the column is told.
extension Column {
    /// Rows of the children that a list's or map's row holds; empty where null.
    @inlinable
    public func range(_ row: Int) -> Range<Int> {
        precondition(row >= 0 && row < count && layout == .list, "row outside column")
        return unsafe Int(state.pointee.words[row])..<Int(state.pointee.words[row + 1])
    }

    /// Appends a list or map of what was appended to the children since the row before.
    public func appendList() {
        precondition(layout == .list, "list for a column of others")
        let children = self.children
        let end = children[0].count
        precondition(children.count == 1 || children[1].count == end, "keys without values")
        let row = unsafe state.pointee.makeRoom()
        unsafe state.pointee.valid[row >> 6] |= 1 << UInt64(row & 63)
        unsafe state.pointee.words[row + 1] = Int64(end)
    }

    /// Appends a struct of the value that was appended to each child since the row before.
    public func appendStructure() {
        precondition(layout == .group, "struct for a column of others")
        let row = unsafe state.pointee.makeRoom()
        for child in children { precondition(child.count == row + 1, "fields without a value") }
        unsafe state.pointee.valid[row >> 6] |= 1 << UInt64(row & 63)
    }

    /// Completes `appendNull`, for a column that has taken the row.
    @usableFromInline
    func appendNestedNull(_ row: Int) {
        if layout == .list {
            let start = unsafe state.pointee.words[row]
            for child in children { child.truncate(to: Int(start)) }
            unsafe state.pointee.words[row + 1] = start
        } else {
            for child in children {
                child.truncate(to: row)
                child.appendNull()
            }
        }
    }

    /// Forgets what the children hold of the rows from `rowCount` on, and of a row under construction.
    @usableFromInline
    func truncateChildren(to rowCount: Int) {
        guard rowCount <= count else { return }
        let end = layout == .group ? rowCount : unsafe Int(state.pointee.words[rowCount])
        for child in children { child.truncate(to: end) }
    }

    @usableFromInline
    var nestedByteCount: Int {
        children.reduce(8 * count) { total, child in
            total + child.byteCount + (child.isNested ? 0 : 8 * child.count)
        }
    }
}
