import Configuration
import Platform
import Testing

/// `UPDATE_GOLDEN=1 swift test --filter referenceIsNotStale` writes it anew.
@Test func theReferenceIsNotStale() throws {
    let path = packageFolder + "/docs/configuration.md"
    let wanted = ConfigurationReference.markdown
    if Environment.value(of: "UPDATE_GOLDEN") == "1" {
        try Syscalls.open(path, .writeTruncate).writeAll(Array(wanted.utf8))
    }
    #expect(try text(of: path) == wanted, "docs/configuration.md is stale: UPDATE_GOLDEN=1")
}

@Test func theReferenceNamesDefaultsAndLimits() {
    let text = ConfigurationReference.markdown
    #expect(text.contains("| `shutdown_timeout` | duration | `25s` | 1s to 10m |"))
    #expect(text.contains("| `file_mode` | file mode | `0640` |"))
    #expect(text.contains("| `pack` | bytes or off | `64KiB` | off, or 1KiB to 16MiB |"))
    #expect(text.contains("| `state_dir` | path | **required** |"))
    #expect(text.contains("### collector.yaml: `pipelines[].routes[].columns[]`"))
}
