public import Configuration
public import Event
internal import Platform
internal import Transport

extension AgentRuntime {
    /// What `--check` looks at beyond the configuration itself: state folder, mirror, topics and limits.
    /// Reads nothing of the files and changes nothing but that the state folder is made. Returns all
    /// faults. Blocks up to half a minute while no broker answers.
    public static func check(_ settings: AgentSettings, _ connections: AgentConnections) -> [Failure] {
        var faults: [Failure] = []
        func attempt(_ body: () throws(Failure) -> Void) {
            do throws(Failure) { try body() } catch { faults.append(error) }
        }
        attempt { () throws(Failure) in
            do throws(Failure) { _ = try StateFolder(path: settings.stateFolder) } catch {
                // Why: a running agent holds the lock; its configuration can be checked all the same.
                if error.code != "agent.state_locked" { throw error }
            }
        }
        attempt { () throws(Failure) in
            let mirror = try connections.makeMirror()
            defer { mirror.close() }
            try mirror.check()
        }
        attempt { () throws(Failure) in
            let producer = try connections.makeProducer()
            defer { producer.close() }
            for topic in Set(settings.sources.map(\.topic) + [settings.heartbeatTopic]).sorted() {
                attempt { () throws(Failure) in _ = try producer.partitionCount(of: topic) }
            }
            attempt { () throws(Failure) in try checkLimits(settings, producer.maximumRecordByteCount) }
        }
        return faults
    }

    /// Refuses sources whose records the transport would not take.
    static func checkLimits(_ settings: AgentSettings, _ maximum: Int) throws(Failure) {
        for source in settings.sources {
            let needed = max(source.packByteCount, source.maximumRecordByteCount) + PackKey.maximumByteCount
            guard needed <= maximum else {
                throw Failure(
                    "agent.record_limit", stage: .transport, kind: .config,
                    "source \(source.name) makes records of up to \(needed) bytes, the transport takes \(maximum)",
                    hint: "lower the source's record or pack limit, or raise message.max.bytes")
            }
        }
    }
}
