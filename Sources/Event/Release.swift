/// What this build calls itself: `--version`, and the files that it writes.
public enum Release {
    public static let version = "0.1.0"
}
