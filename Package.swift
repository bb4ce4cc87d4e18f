// swift-tools-version: 6.2
// Millrace: targets in the order of the flow, lowest layer first. An arrow (dependency) only goes
// down; `Tests/TidyTests` asserts this table.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

func part(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A C or C++ boundary: module map and thin shim, no logic.
func boundary(_ name: String, link: [String] = []) -> Target {
    .target(
        name: name,
        cxxSettings: [.unsafeFlags(["-O2"]), .define("NDEBUG")],
        linkerSettings: link.map { .linkedLibrary($0) })
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace-agent", targets: ["millrace-agent"]),
        .executable(name: "millrace-collector", targets: ["millrace-collector"]),
        .executable(name: "millrace", targets: ["millrace"]),
    ],
    targets: [
        // L0: C libraries, and the nouns
        boundary("CLinux"),                        // statx, inotify, flock as functions Swift can call
        boundary("CHash", link: ["xxhash"]),       // XXH3
        boundary("CRdKafka", link: ["rdkafka"]),
        boundary("CYaml", link: ["yaml"]),
        boundary("CSimdjson", link: ["simdjson", "stdc++"]),
        boundary("CCodecs", link: ["z", "zstd"]),
        boundary("CSnappy", link: ["snappy"]),
        boundary("CPcre2", link: ["pcre2-8"]),
        boundary("CZone", link: ["cctz", "stdc++"]),
        boundary("CMariaDB", link: ["mariadb"]),
        boundary("CAllocations"),                  // counts allocations; for measurements and tests
        part("Event"),                             // StreamID, Position, IntervalSet, PackKey, Balance
        // L1: the kernel boundary
        part("Platform", ["Event", "CLinux", "CHash"]),
        // L2: one wrapper around each library, and what everything above shares
        part("Codec", ["Event", "Platform", "CCodecs"]),
        part("JSON", ["Event", "CSimdjson"]),
        part("Regex", ["Event", "CPcre2"]),
        part("TimeZone", ["Event", "CZone"]),
        part("Telemetry", ["Event", "Platform"]),
        part("Transport", ["Event", "Platform", "JSON", "CRdKafka"]),
        part("Configuration", ["Event", "Platform", "Columns", "CYaml"]),
        part("Columns", ["Event"]),
        part("Database", ["Event", "CMariaDB"]),
        part("Change", ["Event", "Platform", "Columns", "JSON"]),
        // L3: pure stages, the table format, and storage
        part("Parquet", ["Event", "Columns", "Codec", "Platform", "CSnappy"]),
        part("Pipeline", ["Event", "Columns", "JSON", "Regex", "TimeZone"]),
        part("Sinks", ["Event", "Platform", "Columns", "JSON", "TimeZone", "Codec", "Parquet", "Telemetry"]),
        part("Schema", ["Event", "Columns", "JSON", "TimeZone"]),
        part("ParquetSamples", ["Event", "Platform", "Columns", "Parquet"]),
        // L4: from the change log to the tables
        part("Replay", ["Event", "Platform", "Columns", "JSON", "TimeZone", "Change", "Schema", "Parquet", "Sinks"]),
        // L4: a database's tables against the warehouse's
        part("Verify", ["Columns", "Database", "Event", "JSON", "Platform", "Replay", "Schema"]),
        // L4: the two daemons
        part("Agent", ["Event", "Platform", "Codec", "JSON", "Telemetry", "Transport", "Configuration"]),
        part("Collector", ["Change", "Event", "Platform", "JSON", "Telemetry", "TimeZone", "Transport", "Configuration", "Columns", "Pipeline", "Sinks"]),
        // L5: the programs
        program("millrace-agent", ["Agent", "Configuration", "Event", "Platform", "Telemetry", "Transport"]),
        program("millrace-collector", ["Collector", "Configuration", "Event", "Platform", "Sinks", "Telemetry", "Transport"]),
        program("millrace", ["Agent", "Change", "Collector", "Database", "Replay", "Schema", "Verify", "Columns", "Configuration", "Event", "JSON", "Parquet", "Pipeline", "Platform", "Sinks", "Telemetry", "Transport"]),
        program("millrace-bench", ["CAllocations", "Change", "Columns", "Configuration", "Event", "Parquet", "ParquetSamples", "Pipeline", "Platform", "Sinks"]),
        part("Fuzzing", ["Change", "Collector", "Columns", "Event", "JSON", "Parquet", "Pipeline", "Schema", "Sinks"]),
        // Tests, one folder per target
        tests("AllocationTests", ["CAllocations", "Columns", "Event", "Parquet", "Pipeline", "Sinks"]),
        tests("FuzzingTests", ["Event", "Fuzzing", "Platform"]),
        tests("ChangeTests", ["Change", "Columns", "Event"]),
        tests("CollectorTests", ["Change", "Collector", "Columns", "Configuration", "Event", "JSON", "Platform", "Sinks", "Telemetry", "Transport"]),
        tests("AgentShipTests", ["Agent", "Configuration", "Event", "JSON", "Platform", "Telemetry", "Transport"]),
        tests("SchemaTests", ["Columns", "Event", "Platform", "Schema", "TimeZone"]),
        tests("EventTests", ["Event"]),
        tests("TimeZoneTests", ["Event", "TimeZone"]),
        tests("ColumnsTests", ["Columns", "Event"]),
        tests("ParquetTests", ["Codec", "Columns", "Event", "Parquet", "ParquetSamples", "Platform"]),
        tests("RegexTests", ["Event", "Regex"]),
        tests("JSONRecordTests", ["Event", "JSON"]),
        tests("PipelineTests", ["Event", "Platform", "Columns", "Configuration", "JSON", "Pipeline", "TimeZone"]),
        tests("FormatTests", ["Event", "Platform", "Columns", "JSON", "Pipeline", "Sinks"]),
        tests("PlatformTests", ["Platform"]),
        tests("TidyTests", ["Platform"]),
        tests("MillraceTests", ["millrace", "Replay", "Columns", "Configuration", "Event", "JSON", "Pipeline", "Sinks"]),
        tests("CodecTests", ["Codec", "Event", "Platform"]),
        tests("TelemetryTests", ["Telemetry", "Event", "Platform"]),
        tests("CommitLogTests", ["Sinks", "Columns", "Event", "JSON", "Platform"]),
        tests("TransportTests", ["CRdKafka", "Event", "JSON", "Platform", "Transport"]),
        tests("ConfigurationTests", ["Configuration", "Columns", "Event", "Platform"]),
        tests("ReplayTests", ["Replay", "Change", "Columns", "Event", "JSON", "Parquet", "Platform", "Schema", "Sinks", "TimeZone"]),
        tests("VerifyTests", ["Columns", "Database", "Event", "Platform", "Schema", "Verify"]),
        tests("AgentFilesTests", ["Agent", "Codec", "Configuration", "Event", "Platform", "Transport"]),
    ],
    cxxLanguageStandard: .cxx17
)

// Why only then: libFuzzer's loop is there with its sanitizer alone. See scripts/fuzz.sh.
if Context.environment["MILLRACE_FUZZ"] != nil {
    package.targets += [
        boundary("CFuzzer"),
        program("millrace-fuzz", ["CFuzzer", "Event", "Fuzzing", "Platform"]),
    ]
}
