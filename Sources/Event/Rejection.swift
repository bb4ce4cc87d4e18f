/// Why an event was refused. A closed list: the raw value is the reason in quarantine, in the commit
/// log's counts and in the metric tag, and never changes its meaning.
public enum Rejection: String, Sendable, CaseIterable, Hashable {
    // the record itself
    case malformedKey = "malformed_key"          // the transport key is not a pack key of a known version
    case malformedPack = "malformed_pack"        // the value does not fill the key's range
    case nullValue = "null_value"                // a data record without a value
    case overlap                                 // partly covered: somebody broke an identity rule
    case overlong                                // a piece of a record above the limit
    case unrouted                                // no route takes it
    // parse
    case blank                                   // an empty line
    case invalidUTF8 = "invalid_utf8"
    case nulByte = "nul_byte"                    // a NUL byte in text
    case malformed                               // not of the route's format
    case tooDeep = "too_deep"                    // JSON nested beyond the bound
    case tooManyColumns = "too_many_columns"
    case unknownField = "unknown_field"          // a field that no column reads, where the route refuses such
    case headerMismatch = "header_mismatch"      // a header that names other fields than the route
    case tooComplex = "too_complex"              // a pattern met its match limit
    // validate
    case missing                                 // a required column has no value
    case wrongType = "wrong_type"
    case outOfRange = "out_of_range"
    case notInEnumeration = "not_in_enumeration"
    case patternMismatch = "pattern_mismatch"
    case badLength = "bad_length"
    // partition
    case noTime = "no_time"                      // the event-time column has no value
    case badTime = "bad_time"                    // it has one that is not a time of the stated layout
    case tooFarInFuture = "too_far_in_future"
    case badTableName = "bad_table_name"         // the event names a table that cannot be a directory
    case tooManyTables = "too_many_tables"
}
