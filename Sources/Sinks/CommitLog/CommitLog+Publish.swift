public import Event

extension CommitLog {
    /// Renames the staged files of all records not known to be published to their final names, and removes
    /// quarantine files without an open entry, in log order, durably. Idempotent; done by whoever finds it
    /// unfinished.
    public func publish() throws(Failure) {
        // Order: nobody acts on a record that a power loss could take away again.
        try syncMet()
        while let record = unfinished.first {
            try publish(record)
            unfinished.removeFirst()
        }
    }

    private func publish(_ record: CommitRecord) throws(Failure) {
        var touched: Set<String> = []
        for file in record.effects.files {
            let folder = WarehousePath.parent(of: file.final)
            try folders.ensure(folder, in: storage)
            try publish(file, in: folder)
            touched.insert(folder)
        }
        for file in record.effects.quarantine?.closed ?? [] where file.isWhole {
            let folder = WarehousePath.parent(of: file.path)
            // Why: who moved or removed the folder must not stop the log.
            guard try storage.status(folder) != nil else { continue }
            try storage.remove(file.path)
            touched.insert(folder)
        }
        for folder in touched.sorted() { try storage.syncFolder(folder) }
    }

    private func publish(_ file: FileEffect, in folder: String) throws(Failure) {
        do throws(Failure) {
            try storage.rename(file.staged, file.final)
        } catch {
            guard error.code == "sink.missing" else { throw error }
            if try storage.status(file.staged) != nil {
                // The target's folder was removed under us: make it again.
                folders.forget(folder)
                try folders.ensure(folder, in: storage)
                try storage.rename(file.staged, file.final)
            } else if try storage.status(file.final) == nil {
                // Published before, and moved away since: names prove nothing.
                if absentFiles.count == Self.maximumAbsentCount { absentFiles.removeFirst() }
                absentFiles.append(file)
            }
        }
    }

    // MARK: Checkpoint and pruning

    /// Checkpoints and prunes when due; a failure is kept in `maintenanceFault` and tried again.
    func maintain() {
        guard machine.state.number - newestCheckpoint >= max(1, settings.checkpointEvery) else { return }
        do throws(Failure) {
            try checkpoint()
            maintenanceFault = nil
        } catch {
            maintenanceFault = error
        }
    }

    /// Writes the state after the newest record as a checkpoint and prunes what lies below it.
    public func checkpoint() throws(Failure) {
        try syncMet()
        let number = machine.state.number
        guard number > 0 else { return }
        let limit = min(number, (unfinished.first?.number ?? number + 1) - 1) - settings.keptRecordCount
        machine.dropTokens(unpruned: limit)
        let checkpoint = Checkpoint(state: machine.state, tokens: machine.tokens, unfinished: unfinishedNumbers)
        try folders.ensure(WarehousePath.checkpoints, in: storage)
        let isOurs = try storage.putIfAbsent(
            WarehousePath.checkpoint(number), checkpoint.encoded(), temporary: "\(stagingFolder)/\(makeToken()).tmp")
        try storage.syncFolder(WarehousePath.checkpoints)
        newestCheckpoint = number
        // Why: a checkpoint that somebody else wrote may list records as unfinished that we know to be
        // published; who reads it needs them. Its writer prunes.
        if isOurs { try prune(through: limit) }
    }

    /// Removes records up to `limit` and all but the two newest checkpoints.
    /// Order: only below a durable checkpoint that does not list them as unfinished.
    private func prune(through limit: Int) throws(Failure) {
        for folder in Set(
            [limit, limit - WarehousePath.recordsPerFolder].filter { $0 > 0 }.map(WarehousePath.logFolder))
        {
            for name in try storage.list(folder) ?? [] {
                if let number = WarehousePath.number(in: name), number <= limit {
                    try storage.remove(folder + "/" + name)
                }
            }
        }
        let numbers = try (storage.list(WarehousePath.checkpoints) ?? []).compactMap(WarehousePath.number).sorted()
        for number in numbers.dropLast(2) { try storage.remove(WarehousePath.checkpoint(number)) }
    }
}
