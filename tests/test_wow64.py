"""32-bit programs: trees of processes of both kinds, file-system redirection and registry views in what `fvm diff` says, and the
refusal where a system runs no 32-bit programs. (Every other test runs with 32-bit programs, too: make check-wine10.)"""
import re
from pathlib import Path

import pytest

from harness.compare import assert_same_lines
from harness.paths import BUILD, X64, windows
from harness.snapshot import assert_unchanged, host_snapshot

X86 = BUILD / "x86"
DEPTH = 4
CANNOT_RUN = 126


@pytest.fixture
def narrow(machine, narrow_programs):
    before = host_snapshot(machine)
    yield
    assert_unchanged(before, host_snapshot(machine))


WAYS = ["create", "suspended", "detached", "breakaway", "job", "parent", "user", "batch", "shell", "system"]


@pytest.mark.parametrize("how", WAYS)
def test_trees_of_both_kinds(machine, reference, narrow_programs, how):
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


CHANGES = [
    r"echo 1>C:\windows\system32\fvm-one.txt", r"echo 2>C:\windows\sysnative\fvm-two.txt", r"echo 3>C:\windows\syswow64\fvm-three.txt",
    r"del C:\windows\system32\winver.exe", r"del C:\windows\sysnative\winemine.exe", r"del C:\windows\syswow64\notepad.exe",
    r"md C:\windows\system32\fvm-directory", r"echo 4>C:\windows\system32\fvm-directory\four.txt",
    r"ren C:\windows\system32\write.exe fvm-write.exe", r"echo more>>C:\windows\system32\clock.exe",
    r"echo more>>C:\windows\sysnative\control.exe", r"echo more>>C:\windows\syswow64\wordpad.exe",
    r"echo more>>C:\windows\system32\drivers\etc\hosts",
    *(rf"reg add {key}-{view or 'own'} /v x /d y /f {view and '/reg:' + view}" for view in ("", "32", "64") for key in (
        r"HKLM\Software\FVM", r"HKLM\Software\Wow6432Node\FVM-node", r"HKLM\Software\Classes\CLSID\{fvm}", r"HKCU\Software\FVM-user",
        r"HKLM\Software\Classes\.fvm")),
    *(rf"reg add HKLM\Software\Microsoft /v fvm{view} /d x /f {view and '/reg:' + view}" for view in ("", "32", "64")),
    r"reg delete HKLM\Software\Microsoft\Cryptography\Calais /f", r"reg delete HKLM\Software\Microsoft\OLE /f /reg:32"]


def changed_files(prefix, before, after):
    """What a change to the files of drive C: is in terms of fvm diff."""
    lines = set()
    for path in before.keys() | after.keys():
        name = "C:\\" + str(Path(path).relative_to(prefix.drive_c)).replace("/", "\\") if path.startswith(str(prefix.drive_c)) else path
        if path not in before:
            lines.add(f"A {name}")
        elif path not in after:
            lines.add(f"D {name}")
        elif not before[path]["mode"].startswith("d") and before[path] != after[path]:
            lines.add(f"M {name}")
    return lines


def parent(key):
    return key.rpartition("\\\\")[0]


def with_parents(keys):
    """The saved text of the registry leaves out keys that have subkeys only."""
    found = set()
    for key in keys:
        while key and key not in found:
            found.add(key)
            key = parent(key)
    return found


def changed_keys(before, after):
    """The same of the registry. What is below a deleted key is not listed."""
    def values(key):
        return dict(line.split("=", 1) for line in key if line.startswith(('"', "@")))

    def name(key):
        return re.sub(r"^user: [^\\]+", "HKCU", key.replace("\\\\", "\\")).replace("machine: ", "HKLM\\")

    old_keys, new_keys = with_parents(before), with_parents(after)
    lines = {f"A {name(key)}" for key in new_keys - old_keys}
    lines |= {f"D {name(key)}" for key in old_keys - new_keys if parent(key) in new_keys}
    for key in new_keys:
        old, new = values(before.get(key, [])), values(after.get(key, []))
        for value in old.keys() | new.keys():
            if old.get(value) != new.get(value):
                kind = "A" if value not in old else "D" if value not in new else "M"
                lines.add(f"{kind} {name(key)} : {value.strip(chr(34)).replace('@', '(Default)')}")
    return lines


@pytest.mark.parametrize("directory", ["system32", "syswow64"])
def test_diff_says_what_the_same_program_changes_outside(machine, make_prefix, narrow, directory):
    """By every name of redirected directories, and in every view of the registry; from programs of either kind."""
    command = [rf"C:\windows\{directory}\cmd.exe", "/c", " & ".join(CHANGES)]
    vm = f"diff-{directory}"
    reference = make_prefix()
    before = host_snapshot(reference)
    outside, inside = reference.outside(command), machine.inside(vm, command)
    after = host_snapshot(reference)
    reference.remove()
    assert_same_lines(outside.text + outside.error, inside.text + inside.error)
    expected = changed_files(reference, before["file"], after["file"])
    registry = changed_keys(before["key"], after["key"])
    files, keys = set(), set()
    for line in machine.fvm("diff", vm).expect().text.splitlines():
        kind, name = line.split(" ", 1)
        if kind == "R":
            old, new = name.split(" -> ")
            files |= {f"D {old}", f"A {new}"}
        elif name.startswith("HK"):
            keys.add(line)
        else:
            files.add(line)
    assert files == expected
    assert keys == registry
    assert len(files) >= 13 - 3 * (directory == "system32") and len(keys) >= 18 and any(" : " not in line for line in keys)
    machine.fvm("delete", vm).expect()


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
    if machine.runs_narrow_programs():
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
    said = f"this system runs no 32-bit programs (c0000359): {windows(program)}"
    log = machine.fvm("log", "narrow").expect().text
    assert log.count(said) == 1, log
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", "narrow").expect()
