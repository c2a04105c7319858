"""Programs that try to change or to reach the host by one known technique each, from inside a VM.

Each tests/escape/NAME.c gets a directory with files to attack (see harness.seed) and prints `blocked: TECHNIQUE` or
`ESCAPED: TECHNIQUE` for each thing it tried. What it says is not believed: the host is compared as well.
"""
import pytest

from harness.paths import ROOT, X64
from harness.seed import seed
from harness.snapshot import assert_unchanged, host_snapshot

PROGRAMS = sorted(path.stem for path in (ROOT / "tests/escape").glob("*.c"))
SECURITY = {"registry"}  # compared as well


@pytest.mark.parametrize("name", PROGRAMS)
def test_cannot_escape(name, machine):
    directory = f"C:\\escape\\{name}"
    seed(machine.unix(directory))

    before = host_snapshot(machine, security=name in SECURITY)
    result = machine.inside(f"escape-{name}", [X64 / "escape" / f"{name}.exe", directory])
    after = host_snapshot(machine, security=name in SECURITY)

    assert_unchanged(before, after)
    lines = result.text.splitlines()
    assert "ESCAPED" not in result.text, result.text
    assert any(line.startswith("blocked: ") for line in lines), f"nothing was tried\n{result.text}\n{result.error}"
    assert result.code == 0, f"exit code {result.code}\n{result.text}\n{result.error}"
    machine.fvm("diff", f"escape-{name}").expect()
    machine.fvm("delete", f"escape-{name}").expect()


def test_what_was_logged_stays(machine):
    """Of the layer's handles in the program; its log has all that the program did before, and nothing that it wrote itself."""
    seed(machine.unix(r"C:\own"))
    machine.inside("own", [X64 / "escape" / "own.exe", r"C:\own"]).expect()
    log = machine.fvm("log", "own").expect().text
    assert "forged" not in log
    assert ["pipe by way of the network" in log, "handle of FVM's own" in log] == [True, True], log
    begun = log.count(" start ") + log.count(" outside ")
    assert "create own" in log.splitlines()[0] and 2 <= begun == log.count(" exit "), log
    changes = machine.fvm("diff", "own").expect().text
    assert r"A C:\own\own.txt" in changes and r"A HKCU\Software\fvm-own" in changes
    machine.fvm("delete", "own").expect()


def test_there_are_programs():
    assert PROGRAMS
