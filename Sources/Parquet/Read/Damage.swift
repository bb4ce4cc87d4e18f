internal import Event

/// The failures of reading.
enum Damage {
    /// What the file says cannot be.
    static func corrupt(_ what: String) -> Failure {
        Failure(
            "parquet.corrupt", stage: .format, kind: .corrupt, "the Parquet file is damaged: " + what,
            hint: "compare the file's checksum with the commit log's, or write it anew from its source")
    }

    /// What other writers may do and this reader does not know.
    static func unsupported(_ what: String) -> Failure {
        Failure(
            "parquet.unsupported", stage: .format, kind: .corrupt, what + " is not supported",
            hint: "this reader is for the files that millrace writes: flat columns and their types")
    }
}
