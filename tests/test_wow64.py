"""32-bit programs: trees of processes of both kinds, file-system redirection and registry views in what `fvm diff` says, and the
refusal where a system runs no 32-bit programs. (Every other test runs with 32-bit programs, too: make check-wine10.)"""
import re

import pytest

from harness.compare import assert_same_lines
from harness.paths import BUILD, X64, windows
from harness.snapshot import assert_unchanged, host_snapshot

X86 = BUILD / "x86"
DEPTH = 4
CANNOT_RUN = 126


def runs_narrow_programs(machine):
    return (machine.drive_c / "windows/syswow64/ntdll.dll").exists()


@pytest.fixture
def narrow(machine):
    if not runs_narrow_programs(machine):
        pytest.skip("not applicable: the system has no 32-bit ntdll")
    before = host_snapshot(machine)
    yield
    assert_unchanged(before, host_snapshot(machine))


WAYS = ["create", "suspended", "detached", "breakaway", "job", "parent", "user", "batch", "shell", "system"]


@pytest.mark.parametrize("how", WAYS)
def test_trees_of_both_kinds(machine, reference, how):
    if not runs_narrow_programs(machine):
        pytest.skip("not applicable: the system has no 32-bit ntdll")
    vm = f"tree-{how}"
    for prefix in (machine, reference):
        (prefix.drive_c / "windows/tree-first.txt").unlink(missing_ok=True)
        (prefix.drive_c / vm).mkdir()
        (prefix.drive_c / vm / "common.log").write_text("host\n")
    first = X64 / "apps/tree.exe"
    second = (BUILD / ("x64" if X64 == X86 else "x86")) / "apps/tree.exe"
    command = [first, how, DEPTH, f"C:\\{vm}", windows(first), windows(second)]
    look = ["cmd", "/c", f"cd C:\\{vm} & type common.log & type level1.txt & type level2.txt & type level3.txt & type level4.txt"
            f" & type C:\\windows\\system32\\tree-{how}.txt"
            f" & type C:\\windows\\syswow64\\tree-{how}.txt & type C:\\windows\\tree-first.txt & reg query HKLM\\Software\\FVM-tree-{how}"
            f" & reg query HKLM\\Software\\Wow6432Node\\FVM-tree-{how}"]

    before = host_snapshot(machine)
    outside, inside = reference.outside(command), machine.inside(vm, command)
    assert_same_lines(outside.text + outside.error, inside.text + inside.error)
    assert (outside.code, inside.code) == (42, 42)
    assert len(inside.text.splitlines()) == (1 if how == "detached" else DEPTH)  # without a console there is no output
    left = machine.inside(vm, look).text
    assert_same_lines(reference.outside(look).text, left)
    assert len(re.findall(r"level \d +REG_DWORD", left)) == DEPTH
    assert left.count(": 64 bits\n") == left.count(": 32 bits\n") == 3 * DEPTH // 2
    assert left.count("\n64 bits\n") == left.count("\n32 bits\n") == DEPTH // 2  # before the first instruction
    log = machine.fvm("log", vm).expect().text
    assert len(re.findall(r"start.*tree\.exe", log)) == DEPTH, log
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", vm).expect()


def test_diff_shows_where_redirection_leads(machine, narrow):
    cmd = r"C:\windows\syswow64\cmd.exe"
    machine.inside("redirected", [cmd, "/c", r"echo 1>C:\windows\system32\fvm-one.txt & echo 2>C:\windows\sysnative\fvm-two.txt"
                                  r" & echo 3>C:\windows\syswow64\fvm-three.txt & del C:\windows\system32\winver.exe"
                                  r" & reg add HKLM\Software\FVM-own & reg add HKLM\Software\FVM-64 /reg:64"
                                  r" & reg add HKLM\Software\Classes\CLSID\{fvm} & reg add HKCU\Software\FVM-user"]).expect()
    lines = {re.sub(r"\s+", " ", line).rstrip("\\").lower() for line in machine.fvm("diff", "redirected").expect().text.splitlines()}
    for line in [r"A C:\windows\syswow64\fvm-one.txt", r"A C:\windows\system32\fvm-two.txt", r"A C:\windows\syswow64\fvm-three.txt",
                 r"D C:\windows\syswow64\winver.exe", r"A HKLM\Software\Wow6432Node\FVM-own", r"A HKLM\Software\FVM-64",
                 r"A HKLM\Software\Classes\Wow6432Node\CLSID\{fvm}", r"A HKCU\Software\FVM-user"]:
        assert line.lower() in lines, (line, lines)
    assert not any("sysnative" in line for line in lines)
    machine.fvm("delete", "redirected").expect()


def test_what_one_kind_writes_the_other_finds(machine, narrow):
    """By the names of either, in one VM."""
    wide, thin = r"C:\windows\system32\cmd.exe", r"C:\windows\syswow64\cmd.exe"
    machine.inside("kinds", [thin, "/c", r"echo thin>C:\windows\system32\fvm.txt & reg add HKLM\Software\FVM-x /d thin"]).expect()
    machine.inside("kinds", [wide, "/c", r"echo wide>C:\windows\system32\fvm.txt & reg add HKLM\Software\FVM-x /d wide"]).expect()
    for cmd, own, other in ((thin, "thin", "wide"), (wide, "wide", "thin")):
        elsewhere = r"C:\windows\sysnative" if cmd == thin else r"C:\windows\syswow64"
        flag = "/reg:64" if cmd == thin else "/reg:32"
        text = machine.inside("kinds", [cmd, "/c", r"type C:\windows\system32\fvm.txt & reg query HKLM\Software\FVM-x"]).text
        assert text.count(own) == 2 and other not in text, text
        text = machine.inside("kinds", [cmd, "/c", rf"type {elsewhere}\fvm.txt & reg query HKLM\Software\FVM-x {flag}"]).text
        assert text.count(other) == 2 and own not in text, text
    machine.fvm("delete", "kinds").expect()


def test_refused_where_the_system_runs_none(machine):
    if runs_narrow_programs(machine):
        pytest.skip("not applicable: the system runs 32-bit programs")
    before = host_snapshot(machine)
    program = X86 / "apps/echo.exe"
    result = machine.inside("narrow", [program]).expect(CANNOT_RUN)
    (line,) = result.error.splitlines()
    assert line.startswith("fvm: ") and "echo.exe" in line and "this system runs no 32-bit programs" in line
    assert result.text == ""
    # nor does it run as the child of one that does
    result = machine.inside("narrow", ["cmd", "/c", windows(program)], input=b"unprotected")
    assert result.code != 0 and "unprotected" not in result.text
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", "narrow").expect()
