internal import Event
internal import Platform

/// From a file's bytes to a filled struct, or to all of its faults.
enum Loading {
    /// Reads the file; more than `YAMLParser.maximumByteCount` bytes are refused, not read.
    static func bytes(of path: String) throws(ConfigFaults) -> [UInt8] {
        do throws(Errno) {
            let file = try Syscalls.open(path, .readNonblocking)
            let status = try file.status()
            guard status.isRegular else { throw status.isDirectory ? Errno.isDirectory : Errno.inputOutput }
            return try file.readAll(maximum: YAMLParser.maximumByteCount + 1)
        } catch {
            let message = "cannot be read: \(error.text)"
            throw ConfigFaults([ConfigFault(file: path, line: 0, column: 0, message: message)])
        }
    }

    /// Parses, puts environment variables in, and reads by the spec. `prototype` holds the defaults.
    static func load<Target>(
        _ spec: ConfigSpec<Target>, prototype: Target, bytes: [UInt8], file: String,
        environment: (String) -> String?
    ) throws(ConfigFaults) -> Target {
        var faults = FaultList(file: file)
        var target = prototype
        do throws(YAMLParser.Fault) {
            let (root, duplicates) = try YAMLParser.parse(bytes)
            for fault in duplicates { faults.add(fault.mark, fault.message) }
            if root.isNull {
                faults.add(YAMLMark(line: 0, column: 0), "the file is empty")
            } else {
                let node = Substitution.apply(to: root, environment, &faults)
                spec.read("the file", node, &faults, into: &target)
            }
        } catch {
            faults.add(error.mark, error.message)
        }
        if !faults.faults.isEmpty { throw ConfigFaults(faults.sorted) }
        return target
    }
}
