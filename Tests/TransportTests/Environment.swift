import Glibc

func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

func currentThread() -> UInt { pthread_self() }

/// A fresh folder that the test removes itself, or leaves to the system's clean-up.
func temporaryFolder() -> String {
    var template = Array("/tmp/transport-XXXXXX".utf8CString)
    return unsafe template.withUnsafeMutableBufferPointer { buffer in
        unsafe mkdtemp(buffer.baseAddress!).map { unsafe String(cString: $0) } ?? "/tmp"
    }
}
