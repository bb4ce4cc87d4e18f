import Columns
import Event
import Platform
import Testing

@testable import Sinks

/// A folder of its own for a test, removed at the end.
final class TemporaryFolder {
    let path: String

    init() {
        path = "/tmp/millrace-test-" + Token.make()
        try? Syscalls.makeDirectory(path)
    }

    deinit { Self.remove(path) }

    static func remove(_ path: String) {
        for name in (try? Syscalls.list(path)) ?? [] {
            let full = path + "/" + name
            if (try? Syscalls.status(full, followLinks: false).isDirectory) == true {
                remove(full)
            } else {
                try? Syscalls.unlink(full)
            }
        }
        try? Syscalls.removeDirectory(path)
    }

    func storage(_ settings: LocalStorageSettings = LocalStorageSettings()) throws -> LocalStorage {
        try LocalStorage(root: path + "/warehouse", settings: settings)
    }

    func text(_ name: String) -> String? {
        (try? DurableFile.read(path + "/warehouse/" + name, maximum: 1 << 24)).flatMap { $0 }.map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

extension StagedFiles {
    func append(
        _ text: String, table: String = "db.t", partition: String = "dt=2026-11-20", role: FileEffect.Role = .data,
        compression: Compression = .none
    ) throws {
        let bytes = Array(text.utf8)
        let rows = UInt64(bytes.count { $0 == 10 })
        let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Void, Failure> in
            do throws(Failure) {
                return .success(
                    try unsafe append(
                        table: table, partition: partition, role: role, compression: compression, bytes: bytes,
                        rows: rows))
            } catch { return .failure(error) }
        }
        try result.get()
    }
}

/// Effects that advance one partition.
func advance(_ from: Int64, _ next: Int64, partition: Int32 = 0, pipeline: String = "p", files: [FileEffect] = [])
    -> CommitEffects
{
    var effects = CommitEffects()
    var one = PipelineEffect(pipeline: pipeline)
    one.advances = [Advance(topic: "t", partition: partition, epoch: 0, from: from, next: next)]
    let count = UInt64(max(0, next - max(from, 0)))
    one.balance.received = count
    one.balance.written = count
    one.tables["db.t"] = RowCounts(written: count)
    effects.pipelines = [one]
    effects.files = files
    return effects
}

func position(_ value: UInt64) -> Position { Position(value) }
func range(_ from: UInt64, _ to: UInt64) -> CoveredRange { CoveredRange(Position(from), Position(to)) }
