/// Numbers as people read them. `--json` has them exact.
enum Amounts {
    /// `17 B`, `4.0 KiB`, `12.5 GiB`.
    static func bytes(_ count: UInt64) -> String {
        guard count >= 1_024 else { return "\(count) B" }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var tenths = Double(count) / 1_024
        var unit = 0
        while tenths >= 1_023.95, unit + 1 < units.count {
            tenths /= 1_024
            unit += 1
        }
        let rounded = Int64((tenths * 10).rounded())
        return "\(rounded / 10).\(rounded % 10) \(units[unit])"
    }

    /// `0 s`, `59 s`, `3 min 20 s`, `5 h 2 min`, `3 d 4 h`; `-` for nil.
    static func age(milliseconds: Int64?) -> String {
        guard let milliseconds else { return "-" }
        let seconds = max(0, milliseconds) / 1_000
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: return "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
        default: return "\(seconds / 86_400) d \(seconds % 86_400 / 3_600) h"
        }
    }

    static func count(_ value: UInt64?) -> String { value.map { "\($0)" } ?? "-" }
}
