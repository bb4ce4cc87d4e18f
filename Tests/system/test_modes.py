"""Debezium's records in the connector's other modes: a recording written anew, into the tables that the database had."""
import pathlib
import tempfile

from debezium_modes import Modes, rewrite
from harness import SHARED, Skip, check
from recordings import Expected, through

# Modes, with envelopes or without; what is lost beyond what the recording itself loses.
CASES = [
    ("connect", Modes("connect", "string", "hex"), False, {"cut_fraction"}),
    ("connect-plain", Modes("connect", "double", "base64"), True, {"cut_fraction", "rounded_decimal"}),
    ("nanoseconds", Modes("nanoseconds", "double", "base64-url-safe"), False,
     {"rounded_decimal", "docs: years beyond those that nanoseconds count"}),
    ("microseconds-plain", Modes("microseconds", "string", "hex"), True, set()),
    ("isostring", Modes("isostring", "double"), False, {"rounded_decimal", "null_time"}),
]
USUAL = {"null_or_default", "null_date", "float_digits", "replaced_text", "docs: years below 100"}


def test_the_tables_are_the_same_in_every_mode_of_debezium():
    folder = (SHARED if (SHARED / "cdc-live").exists() else SHARED / "data") / "cdc-live"
    if not folder.exists():
        raise Skip("no cdc-live in ../shared")
    expected = Expected(folder)
    with tempfile.TemporaryDirectory(prefix="millrace-modes-") as scratch:
        for name, modes, plain, lost in CASES:
            target = pathlib.Path(scratch) / f"debezium-{name}.jsonl"
            count = rewrite(folder / "debezium-schemas.jsonl.xz", target, modes, plain)
            compared, losses, _ = through(target.parent, target.stem, "files", expected=expected)
            check(compared == 12, f"{name}: {compared} tables of {count} records")
            check(set(losses) - USUAL == lost, f"{name}: lost {dict(losses)}")
            target.unlink()
