"""Programs that do the same sequence outside and inside a VM: every line that they print must be equal, and what ran
inside must have left the host as it was.

Each tests/vm/NAME.c is one program. It gets a directory to work in (a Windows path, filled by harness.seed), prints a
line for every step, and exits with 0. Some first make what the host is to have: `PROGRAM DIRECTORY prepare`.
"""
import subprocess

import pytest

from harness.compare import assert_same_lines
from harness.paths import ROOT, X64
from harness.seed import seed
from harness.snapshot import assert_unchanged, host_snapshot

PROGRAMS = sorted(path.stem for path in (ROOT / "tests/vm").glob("*.c"))
PREPARED = {"registry_classes", "registry_deleted", "registry_hives", "registry_host_links", "registry_watches"}
SECURITY = {"registry_security"}  # compared as well
# Wine's consoles with a window keep the error stream; the desktop, which they start, notes the display in the host's registry.
CONSOLES = {"console_free"}
FEWEST_LINES = 5  # less output than this is a program that did nothing


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_inside_and_outside(name, machine, reference, request):
    program = X64 / "tests" / f"{name}.exe"
    directory = f"C:\\work\\{name}"
    for prefix in (machine, reference):
        seed(prefix.unix(directory))
        if name in PREPARED:
            assert prefix.outside([program, directory, "prepare"]).expect().text == "prepared\n"
    options = {}
    if name in CONSOLES:
        request.getfixturevalue("desktop")
        options = {"stderr": subprocess.DEVNULL}
    outside = reference.outside([program, directory], **options)
    assert outside.code == 0, f"outside: exit code {outside.code}\n{outside.text}\n{outside.error}"
    assert len(outside.text.splitlines()) >= FEWEST_LINES, f"outside: too little output\n{outside.text}"

    before = host_snapshot(machine, security=name in SECURITY)
    inside = machine.inside(f"vm-{name}", [program, directory], **options)
    after = host_snapshot(machine, security=name in SECURITY)

    assert_same_lines(outside.text, inside.text)
    assert inside.code == 0, f"inside: exit code {inside.code}\n{inside.error}"
    assert_unchanged(before, after)
    machine.fvm("diff", f"vm-{name}").expect()
    machine.fvm("delete", f"vm-{name}").expect()


def test_there_are_programs():
    assert PROGRAMS
