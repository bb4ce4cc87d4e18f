@testable import Agent
import Event
import Testing

/// The stream record of the checkpoint: what was ever written is read for ever.
struct StreamRecordTests {
    static let v1 = """
        {"v":1,"stream":"0000000000000001000000000000000f","path":"/log/app.log.1","origin":"/log/app.log",\
        "device":2049,"inode":77,"birth":1700000000000000001,"partition":3,"first":100,"reason":"state copied",\
        "continues":"0000000000000002000000000000000f","announced":true,"seen":5000,"record":524288,\
        "rungs":[[100,"1f","0"],[4096,"ffffffffffffffff","2a",96]],"short":true,"cuts":[["line",4096,5000]]}
        """

    @Test func versionOneIsWrittenAndReadAsItAlwaysWas() throws {
        let record = try #require(StreamRecord(decoding: Array(Self.v1.utf8)))
        #expect(record.ladder.newest == Rung(position: 4_096, hash: .max, before: 42, recordStart: 96))
        #expect(record.file == InodeIdentity(device: 2_049, inode: 77, birth: 1_700_000_000_000_000_001))
        #expect(record.cuts == [DecidedCut(kind: .line, from: 4_096, to: 5_000)])
        #expect(record.first == 100 && record.isShortCopy && !record.isUnproved && record.ended == nil)
        #expect(String(decoding: record.encoded(), as: UTF8.self) == Self.v1)
    }

    @Test func aLostFileIsKept() throws {
        let text = replaced(Self.v1, "]]}", #"]],"lost":{"device":1,"inode":9,"birth":-3}}"#)
        let record = try #require(StreamRecord(decoding: Array(text.utf8)))
        #expect(record.lost == InodeIdentity(device: 1, inode: 9, birth: -3))
        #expect(String(decoding: record.encoded(), as: UTF8.self) == text)
        #expect(StreamRecord(decoding: Array(replaced(text, #""inode":9,"#, "").utf8)) == nil)
    }

    @Test func whatWasKnownIsKept() throws {
        let text = replaced(Self.v1, #","short""#, #","known":0,"short""#)
        let record = try #require(StreamRecord(decoding: Array(text.utf8)))
        #expect(record.known == 0)
        #expect(String(decoding: record.encoded(), as: UTF8.self) == text)
    }

    @Test func oneDefectIsEnoughToRefuseARecord() {
        for (good, bad) in [
            ("\"v\":1", "\"v\":2"), ("000f\",\"path", "000g\",\"path"), ("[4096,\"f", "[99,\"f"),
            ("\"partition\":3", "\"partition\":-3"), ("4096,5000", "5000,5000"), ("\"first\":100", "\"first\":9999"),
            ("\"announced\":true,", ""), ("}", ""), (",96]", ",4096]"), ("\"inode\":77", "\"inode\":-1"),
        ] {
            let text = replaced(Self.v1, good, bad)
            #expect(StreamRecord(decoding: Array(text.utf8)) == nil, "\(bad)")
        }
    }

    private func replaced(_ text: String, _ good: String, _ bad: String) -> String {
        guard let range = text.firstRange(of: good) else { return text }
        return text.replacingCharacters(range, bad)
    }

    @Test func ladderKeepsTheHeadTheNewestAndExponentialSpacing() {
        var ladder = RungLadder()
        for position in stride(from: UInt64(1_000), through: 10_000_000, by: 1_000) {
            ladder.append(Rung(position: position, hash: position, before: 0, recordStart: position))
        }
        let positions = ladder.rungs.map(\.position)
        #expect(positions.count == RungLadder.maximumCount)
        #expect(positions.first == 1_000 && positions.last == 10_000_000)
        #expect(positions.contains { $0 > 9_990_000 && $0 < 10_000_000 })
        #expect(positions.contains { $0 > 1_000_000 && $0 < 8_000_000 })
    }

    @Test func rotationNamesExtendTheirOrigin() {
        for (name, origin) in [
            ("app.log.1", "app.log"), ("app.log-20250101.gz", "app.log"), ("app-2025-01-01.log", "app.log"),
            ("app.3.log.gz", "app.log"), ("app.log.old", "app.log"),
            ("app-12-20250101-001.log", "app-12.log"), ("app-12.3.log", "app-12.log"), ("web1-20250101.log", "web1.log"),
        ] {
            #expect(RotationName.origins(of: name).contains(origin), "\(name)")
        }
        #expect(!RotationName.origins(of: "app-worker.log").contains("app.log"))
        #expect(RotationName.number(of: "app.log.12.gz", origin: "app.log") == 12)
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, _ text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
