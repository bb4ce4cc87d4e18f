public import Event
internal import Platform

extension CommitLog {
    /// Tries before a commit that can be neither found nor placed is given back to the caller.
    static let maximumTryCount = 1_000

    /// Makes the effects the next record, publishes it, and checkpoints when due.
    ///
    /// Retries at the next number while the preconditions hold against what others committed. Idempotent
    /// after a throw: called again with equal effects it answers for the earlier attempt.
    /// Throws transient failures (outcome unknown), `commit.invalid`, `commit.coverage_full`.
    public func commit(_ effects: CommitEffects) throws(Failure) -> CommitOutcome {
        if let open = pending, open.effects != effects { _ = try settle() }
        for _ in 0..<Self.maximumTryCount {
            guard let open = pending else {
                if let reason = try conflict(of: effects) { return .conflict(reason) }
                pending = PendingCommit(
                    number: machine.state.number + 1, token: makeToken(), effects: effects,
                    time: clock.wallMilliseconds())
                continue
            }
            switch open.status {
            case .trying:
                try put(open)
                try refresh()
            case .lost:
                pending = nil
            case .committed:
                try publish()
                pending = nil
                maintain()
                return .committed(number: open.number)
            }
        }
        throw Failure(
            "commit.unsettled", stage: .commit, kind: .transient,
            "record \(machine.state.number + 1) was refused and is not there, again and again",
            hint: "is somebody removing files in \(WarehousePath.log)?")
    }

    /// Why these effects cannot be committed as the log is known now, or nil: to look before staging.
    public func conflict(of effects: CommitEffects) throws(Failure) -> String? {
        try machine.conflict(of: effects, writer: incarnation, knownThrough: knownThrough)
    }

    /// Finds out what became of a commit that threw, and closes the door behind it: afterwards it is
    /// either `.committed`, or it is certain that it never will be (nil) and staged files may go.
    public func settle() throws(Failure) -> CommitOutcome? {
        guard let open = pending else { return nil }
        if open.status == .trying { try refresh() }
        var tries = 0
        while pending?.status == .trying, tries < Self.maximumTryCount {
            // Why: an empty record takes the number, so that a put which is still on its way (a lost
            // reply) can never succeed later.
            tries += 1
            try put(
                PendingCommit(
                    number: open.number, token: makeToken(), effects: CommitEffects(), time: clock.wallMilliseconds())
            )
            try refresh()
        }
        let isCommitted = pending?.status == .committed
        pending = nil
        return isCommitted ? .committed(number: open.number) : nil
    }

    /// Puts a record at its number if that is free.
    private func put(_ open: PendingCommit) throws(Failure) {
        try syncMet()
        let record = CommitRecord(
            number: open.number, token: open.token, writer: incarnation, time: open.time, effects: open.effects)
        let bytes = record.encoded()
        guard bytes.count <= CommitRecord.maximumByteCount else {
            throw Failure(
                "commit.too_large", stage: .commit, kind: .fatal, "a record of \(bytes.count) bytes is too large",
                hint: "lower commit_bytes, or fewer tables per collector")
        }
        let folder = WarehousePath.logFolder(of: open.number)
        do throws(Failure) {
            try folders.ensure(folder, in: storage)
            // Order: the temporary name lies in our staging folder, so it goes when we are swept.
            let isNew = try storage.putIfAbsent(
                WarehousePath.record(open.number), bytes, temporary: "\(stagingFolder)/\(makeToken()).tmp")
            if isNew, pending?.token == open.token { pending?.isPut = true }
        } catch {
            guard error.code == "sink.missing" else { throw error }
            // A folder is gone. Either we were swept, then `refresh` finds our fence and with it our number
            // taken; or somebody removed it by hand: make it again.
            try refresh()
            guard pending?.status == .trying else { return }
            folders.forget(folder)
            folders.forget(stagingFolder)
            try folders.ensure(stagingFolder, in: storage)
            throw error
        }
    }
}
