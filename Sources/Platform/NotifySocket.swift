internal import Glibc

/// Sends datagrams to a Unix socket by name: the service manager's `$NOTIFY_SOCKET`.
public enum NotifySocket {
    /// Sends one datagram. `address` is an absolute path, or `@name` for the abstract name space. Never blocks:
    /// a full socket is `wouldBlock`. Source: sd_notify(3), unix(7).
    public static func send(_ text: String, to address: String) throws(Errno) {
        var name = Array(address.utf8)
        guard let first = name.first, first == 0x2F || first == 0x40 else { throw Errno(EINVAL) }
        if first == 0x40 { name[0] = 0 }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout<sa_family_t>.size
        guard name.count < MemoryLayout<sockaddr_un>.size - offset else { throw Errno(ENAMETOOLONG) }
        unsafe withUnsafeMutableBytes(of: &target) { raw in
            for (index, byte) in name.enumerated() { unsafe raw[offset + index] = byte }
        }
        // An abstract name ends with its length; a path also has its closing NUL.
        let length = socklen_t(offset + name.count + (first == 0x40 ? 0 : 1))
        let descriptor = Descriptor.adopting(
            try Syscalls.negative { socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
        let number = descriptor.number
        let bytes = Array(text.utf8)
        try Syscalls.negative {
            unsafe withUnsafePointer(to: &target) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    unsafe sendto(
                        number, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), address,
                        length)
                }
            }
        }
        // Order: the descriptor must live until here; only its number went into the call.
        _ = consume descriptor
    }
}
