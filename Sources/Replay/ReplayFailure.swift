internal import Event
internal import Platform

/// The failures of the replay.
enum ReplayFailure {
    /// What an errno of the warehouse's or the scratch folder's file system means.
    static func storage(_ error: Errno, _ verb: String, _ path: String) -> Failure {
        let (code, hint): (String, String?) =
            switch error {
            case .noSpace, .quota: ("sink.no_space", "free space or raise the quota, then run it again")
            case .access, .notPermitted: ("sink.access_denied", "run it as the collector's user")
            case .crossDevice: ("sink.cross_device", "the warehouse and all below it must be one file system")
            default: ("sink.failed", "nothing is lost: run it again")
            }
        return Failure(
            code, stage: .sink, kind: .transient, "cannot \(verb) \(path)", hint: hint, cause: error.description)
    }

    /// A file under `_millrace/state` that does not hold what it should.
    static func corrupt(_ path: String, _ what: String) -> Failure {
        Failure(
            "replay.corrupt_state", stage: .sink, kind: .corrupt, "\(path) cannot be trusted: \(what)",
            hint: "remove the folder of this day and those behind it: the next run makes them anew from the changes")
    }
}
