public import Event

extension CommitLog {
    /// Removes the staging folders of dead incarnations; returns their names.
    ///
    /// Dead: its lock is free, or (where there is none) everything about it is older than
    /// `fenceMilliseconds` by the storage's clock. Order: a fence record naming it, everything below the
    /// fence published, then the files; so a sleeper that wakes finds itself fenced and cannot commit
    /// files that are gone.
    public func sweepOrphans() throws(Failure) -> [String] {
        _ = try settle()
        let names = try storage.list(WarehousePath.staging) ?? []
        var dead: [String] = []
        // Held until the folders are gone, so that nobody else takes a swept one for his own.
        var locks: [any StorageLock] = []
        for name in names.sorted() where name != incarnation && WarehousePath.isSafeName(name) {
            if try isDead(name, &locks) { dead.append(name) }
        }
        if dead.isEmpty { return [] }
        try refresh()
        let unfenced = dead.filter { machine.state.fences[$0] == nil }
        if !unfenced.isEmpty {
            var effects = CommitEffects()
            effects.fences = unfenced
            guard case .committed = try commit(effects) else { return [] }
        }
        try publish()
        for name in dead { try removeStaging(of: name) }
        withExtendedLifetime(locks) {}
        return dead
    }

    private func isDead(_ name: String, _ locks: inout [any StorageLock]) throws(Failure) -> Bool {
        let path = WarehousePath.lock(of: name)
        if try storage.status(path) != nil {
            do throws(Failure) {
                guard let lock = try storage.lock(path) else { return false }
                locks.append(lock)
                return true
            } catch {
                if error.code != "sink.no_locks" { throw error }
            }
        }
        return try newestSign(of: name) < (try storage.now()) - settings.fenceMilliseconds
    }

    /// The last sign of life of an incarnation by the storage's clock.
    private func newestSign(of name: String) throws(Failure) -> Int64 {
        let folder = WarehousePath.staging(of: name)
        var newest = try storage.status(folder)?.modified ?? 0
        for file in try storage.list(folder) ?? [] {
            newest = max(newest, try storage.status(folder + "/" + file)?.modified ?? 0)
        }
        if let writer = machine.state.writers[name] {
            newest = max(newest, try storage.status(WarehousePath.record(writer.number))?.modified ?? writer.time)
        }
        return newest
    }

    private func removeStaging(of name: String) throws(Failure) {
        let folder = WarehousePath.staging(of: name)
        for file in (try storage.list(folder) ?? []).sorted() where file != "lock" {
            try storage.remove(folder + "/" + file)
        }
        // Order: the lock file last, so that a folder half swept still proves its owner dead.
        try storage.remove(WarehousePath.lock(of: name))
        try storage.removeFolder(folder)
    }
}
