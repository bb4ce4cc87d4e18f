import Event
import Fuzzing
import Platform
import Testing

/// The package's folder: three levels above this file.
private let root: String = {
    var path = #filePath
    for _ in 0..<3 { path = DurableFile.parent(of: path) }
    return path
}()

@Test(arguments: FuzzTarget.names)
func everyInputOfTheCorpusKeepsThePromises(_ name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    let folder = root + "/Tests/Fuzz/corpus/" + name
    let inputs = try Syscalls.list(folder)
    #expect(!inputs.isEmpty, "\(name) has no corpus")
    for input in inputs {
        let bytes = try #require(try DurableFile.read(folder + "/" + input, maximum: 1 << 20))
        let fault = unsafe bytes.withUnsafeBytes { target.run(unsafe ByteView($0)) }
        #expect(fault == nil, "\(name)/\(input)")
    }
}

@Test func aTargetThatThereIsNotHasNoFunction() { #expect(FuzzTarget.named("none") == nil) }
