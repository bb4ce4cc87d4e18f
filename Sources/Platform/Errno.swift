internal import CLinux
internal import Glibc

/// An errno value, with its text and the failure it becomes.
public struct Errno: Error, Hashable, Sendable {
    public let value: Int32

    public init(_ value: Int32) { self.value = value }

    public static let noEntry = Errno(ENOENT)
    public static let exists = Errno(EEXIST)
    public static let access = Errno(EACCES)
    public static let notPermitted = Errno(EPERM)
    public static let noSpace = Errno(ENOSPC)
    public static let quota = Errno(EDQUOT)
    public static let readOnly = Errno(EROFS)
    public static let inputOutput = Errno(EIO)
    public static let interrupted = Errno(EINTR)
    public static let wouldBlock = Errno(EAGAIN)
    public static let crossDevice = Errno(EXDEV)
    public static let notEmpty = Errno(ENOTEMPTY)
    public static let notDirectory = Errno(ENOTDIR)
    public static let isDirectory = Errno(EISDIR)
    public static let tooManyOpen = Errno(EMFILE)
    public static let loop = Errno(ELOOP)
    public static let tooManyOpenInSystem = Errno(ENFILE)
    public static let nameTooLong = Errno(ENAMETOOLONG)
    public static let fileTooLarge = Errno(EFBIG)
    public static let busy = Errno(EBUSY)
    public static let stale = Errno(ESTALE)
    public static let noMemory = Errno(ENOMEM)
    public static let tooManyLinks = Errno(EMLINK)

    /// strerror(3), in the C locale.
    public var text: String {
        var buffer = [CChar](repeating: 0, count: 256)
        _ = unsafe strerror_r(value, &buffer, buffer.count)
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Errno: CustomStringConvertible {
    public var description: String { "\(text) (errno \(value))" }
}
