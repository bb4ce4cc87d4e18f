"""What each program links: the agent stays small."""
import subprocess

from harness import BIN, check

# Libraries of the system that any program of the toolchain needs.
SYSTEM = ("libc.so", "libm.so", "libgcc_s", "libstdc++", "libpthread", "libdl", "librt", "ld-linux", "libswift",
          "lib_", "libFoundation", "libBlocksRuntime", "libdispatch")

ALLOWED = {
    "millrace-agent": {"librdkafka", "libyaml-0", "libsimdjson", "libxxhash", "libz", "libzstd"},
    "millrace-collector": {
        "librdkafka", "libyaml-0", "libsimdjson", "libxxhash", "libz", "libzstd", "libpcre2-8", "libcctz",
        "libsnappy"},
    "millrace": {"librdkafka", "libyaml-0", "libsimdjson", "libxxhash", "libz", "libzstd", "libpcre2-8", "libcctz",
        "libsnappy", "libmariadb"},
}


def needed(program):
    output = subprocess.run(["readelf", "-d", BIN / program], check=True, capture_output=True, text=True).stdout
    return [line.split("[")[1].split("]")[0] for line in output.splitlines() if "(NEEDED)" in line]


def test_each_program_links_its_parts_and_no_more():
    for program, allowed in ALLOWED.items():
        names = {name.split(".so")[0] for name in needed(program) if not name.startswith(SYSTEM)}
        print(f"    {program}: {' '.join(sorted(names))}")
        check(names <= allowed, f"{program} links {sorted(names - allowed)} too")


def test_no_program_links_foundation():
    for program in ALLOWED:
        found = [name for name in needed(program) if "Foundation" in name]
        check(not found, f"{program} links {found}")
