"""fvm diff: what a VM changed in the registry, as lines, and as a registration file that brings it to another machine."""
import re

import pytest

from harness.keys import assert_same_keys, export_inside, export_outside, read_reg, write_reg
from harness.paths import X64
from harness.snapshot import assert_unchanged, host_snapshot

HEADER = ["Windows Registry Editor Version 5.00", ""]
USER, MACHINE = r"HKEY_CURRENT_USER\Software\Diff", r"HKEY_LOCAL_MACHINE\Software\Diff"
ROOTS = [r"HKCU\Software\Diff", r"HKLM\Software\Diff"]


def utf16(text):
    return ",".join(f"{byte:02x}" for byte in text.encode("utf-16-le"))


SEED = [
    f"[{USER}]", '@="default"', '"text"="old"', '"gone"="x"', '"same"="same"', '"other type"="1"', "",
    f"[{USER}\\Deleted]", '"x"="y"', "", f"[{USER}\\Deleted\\Below]", '"x"="y"', "",
    f"[{USER}\\Replaced]", '"old"="1"', '"both"="1"', "", f"[{USER}\\Replaced\\Old]", "",
    f"[{USER}\\Kept]", '"x"="y"', "",
    f"[{MACHINE}]", '"text"="old"', "", f"[{MACHINE}\\Kept]", '"x"="y"', "",
]
CHANGES = [
    f"[{USER}]", "@=-", '"text"="new"', '"gone"=-', '"same"="same"', '"other type"=hex(2):31,00,00,00',
    '"none"=hex(0):', '"none with data"=hex(0):01,02', '"empty"=""', '"no data"=hex(1):',
    f'"expand"=hex(2):{utf16("%SystemRoot%")},00,00', '"binary"=hex:00,ff,80', '"no bytes"=hex:',
    '"dword"=dword:deadbeef', '"short dword"=hex(4):01,02', '"big-endian"=hex(5):01,02,03,04',
    f'"link"=hex(6):{utf16("no link")}', f'"many"=hex(7):{utf16("one")},00,00,{utf16("two")},00,00,00,00',
    '"none of many"=hex(7):00,00', '"resources"=hex(8):01,02,03', '"qword"=hex(b):15,cd,5b,07,01,00,00,00',
    '"a type of its own"=hex(1234):01,02', r'"quote\" back\\slash"="a \"quoted\" C:\\path\\"', r'"\\"="x"',
    f'"line ends"=hex(1):{utf16(chr(13) + chr(10).join(["one", "[two]", ""]))},00,00', '"unterminated"=hex(1):61,00',
    '"odd bytes"=hex(1):61,00,62', '"Größe 日本"="Größe 日本 \U0001f600"', '" spaces "="  "', '"="="="', '"@"="at"', '"a\ttab"="x\ty"',
    '"long"=hex:' + ",".join(f"{i % 256:02x}" for i in range(5000)), "",
    f"[-{USER}\\Deleted]", "", f"[-{USER}\\Replaced]", "", f"[{USER}\\Replaced]", '"new"="2"', '"both"="1"', "",
    f'[{USER}\\New "quoted" ключ\\ a]b [c] ]', '@="the default"', '"x"="y"', "", f"[{USER}\\New\\Empty]", "",
    f"[{USER}\\Kept\\Below]", '"x"="y"', "", f"[{MACHINE}]", '"text"="new"', "", f"[{MACHINE}\\New]", '"x"="y"', "",
]
LINES = r"""
D HKCU\Software\Diff\Deleted
A HKCU\Software\Diff\Kept\Below
A HKCU\Software\Diff\Kept\Below : x
M HKCU\Software\Diff : text
D HKCU\Software\Diff : gone
D HKCU\Software\Diff : (Default)
M HKCU\Software\Diff : other type
A HKCU\Software\Diff : Größe 日本
A HKCU\Software\Diff : quote" back\slash
A HKCU\Software\Diff\New\Empty
D HKCU\Software\Diff\Replaced : old
D HKCU\Software\Diff\Replaced\Old
A HKCU\Software\Diff\Replaced : new
M HKLM\Software\Diff : text
A HKLM\Software\Diff\New
""".strip().splitlines()


def import_reg(run, prefix, lines):
    write_reg(prefix.unix(r"C:\users\Public\import.reg"), HEADER + lines)
    run(["reg", "import", r"C:\users\Public\import.reg"]).expect()


@pytest.fixture(scope="module")
def changed(machine):
    """A VM with the changes, on a host with the seed."""
    import_reg(machine.outside, machine, SEED)
    write_reg(machine.unix(r"C:\users\Public\changes.reg"), HEADER + CHANGES)
    before = host_snapshot(machine)
    machine.inside("diff", ["reg", "import", r"C:\users\Public\changes.reg"]).expect()
    assert_unchanged(before, host_snapshot(machine))
    yield "diff"
    machine.fvm("delete", "diff").expect()


def test_lines(machine, changed):
    lines = machine.fvm("diff", changed).expect().text.splitlines()
    assert [line for line in LINES if line not in lines] == []
    assert len(lines) == len(set(lines))
    for line in lines:
        assert r"\Software\Diff" in line or "exported.reg" in line, line
        assert "same" not in line and "both" not in line and r"Deleted\Below" not in line, line


@pytest.mark.parametrize("importer", [["reg", "import"], ["regedit", "/S"]])
def test_a_registration_file_brings_the_changes_elsewhere(machine, reference, changed, importer):
    file = machine.unix(r"C:\users\Public\diff.reg")
    machine.fvm("diff", changed, "--reg", r"C:\users\Public\diff.reg").expect()
    reference.unix(r"C:\users\Public\diff.reg").write_bytes(file.read_bytes())
    for root in ROOTS:
        reference.outside(["reg", "delete", root, "/f"])
    import_reg(reference.outside, reference, SEED)
    reference.outside([*importer, r"C:\users\Public\diff.reg"]).expect()
    for root in ROOTS:
        inside = export_inside(machine, changed, root)
        assert_same_keys(inside, export_outside(reference, root))
    assert len(inside) > 1 and len(read_reg(file)) > 5


@pytest.mark.parametrize("importer", [["reg", "import"], ["regedit", "/S"]])
def test_text_values_keep_their_bytes(machine, reference, importer):
    """Zeros in the middle, odd lengths, ends that are missing: to those, reg and regedit of Wine add a zero, whatever the file says."""
    keys = X64 / "apps" / "keys.exe"
    machine.inside("strings", [keys, "strings"]).expect()
    machine.fvm("diff", "strings", "--reg", r"C:\users\Public\strings.reg").expect()
    reference.unix(r"C:\users\Public\strings.reg").write_bytes(machine.unix(r"C:\users\Public\strings.reg").read_bytes())
    reference.outside([*importer, r"C:\users\Public\strings.reg"]).expect()
    expected = machine.inside("strings", [keys, "show"]).expect().text.splitlines()
    assert len(expected) == 13
    assert reference.outside([keys, "show"]).expect().text.splitlines() == [
        line + " 00 00" if line.startswith("bare") else line for line in expected]
    reference.outside(["reg", "delete", r"HKCU\Software\Keys", "/f"]).expect()
    machine.fvm("delete", "strings").expect()


def test_what_a_registration_file_cannot_hold_is_said(machine):
    machine.inside("odd", [X64 / "apps" / "keys.exe", "odd"]).expect()
    result = machine.fvm("diff", "odd", "--reg", r"C:\users\Public\odd.reg").expect()
    assert "left out 2 changes" in result.error
    text = machine.fvm("diff", "odd").expect().text
    assert text.count("\n") == 4 and "A HKCU\\Software\\Keys\\Odd : n\u2400m" in text
    machine.fvm("delete", "odd").expect()


def test_permissions(machine):
    """Of the host's keys, one changed in nothing else and one whose values changed; not of a key that is new."""
    import_reg(machine.outside, machine, SEED)
    keys = X64 / "apps" / "keys.exe"
    for path in (r"Software\Diff\Kept", r"Software\Diff\New"):
        machine.inside("rights", [keys, "allow", path]).expect()
    machine.inside("rights", ["reg", "add", r"HKLM\Software\Diff\Kept", "/v", "x", "/d", "new", "/f"]).expect()
    lines = machine.fvm("diff", "rights").expect().text.splitlines()
    assert sorted(lines) == [r"A HKCU\Software\Diff\New", r"M HKCU\Software\Diff\Kept (permissions)",
                             r"M HKLM\Software\Diff\Kept : x"]
    result = machine.fvm("diff", "rights", "--reg", r"C:\users\Public\rights.reg").expect()
    assert "left out 1 change" in result.error
    assert sorted(read_reg(machine.unix(r"C:\users\Public\rights.reg"))) == [
        r"[HKEY_CURRENT_USER\Software\Diff\New]", r"[HKEY_LOCAL_MACHINE\Software\Diff\Kept]"]
    machine.fvm("delete", "rights").expect()


def test_nothing_changed_is_an_empty_file(machine):
    machine.inside("nothing", ["reg", "query", "HKCU"]).expect()
    assert machine.fvm("diff", "nothing").expect().text == ""
    machine.fvm("diff", "nothing", "--reg", r"C:\users\Public\nothing.reg").expect()
    assert read_reg(machine.unix(r"C:\users\Public\nothing.reg")) == {}
    machine.fvm("delete", "nothing").expect()


def test_the_classes_of_the_user_are_named_as_the_hive_that_they_are(machine, reference):
    """HKCU\\Software\\Classes is a link to HKEY_USERS\\<SID>_Classes, as on Windows; the program makes it."""
    for prefix in (machine, reference):
        prefix.outside([X64 / "tests" / "registry_classes.exe", "C:\\", "prepare"]).expect()
    sid = re.search(r"S-1-5-21[-0-9]+", machine.outside(["reg", "query", "HKU"]).text)[0]
    hive, linked = rf"HKU\{sid}_Classes", r"HKCU\Software\Classes"
    before = host_snapshot(machine)
    for command in (["add", rf"{linked}\.new\below", "/ve", "/d", "x", "/f"], ["add", rf"{hive}\.both", "/v", "value", "/d", "x", "/f"],
                    ["delete", rf"{linked}\.user", "/f"], ["delete", rf"{hive}\CLSID\{{user}}", "/f"]):
        machine.inside("classes", ["reg", *command]).expect()
    assert_unchanged(before, host_snapshot(machine))
    assert sorted(machine.fvm("diff", "classes").expect().text.splitlines()) == sorted([
        rf"A {hive}\.new", rf"A {hive}\.new\below", rf"A {hive}\.new\below : (Default)", rf"M {hive}\.both : value",
        rf"D {hive}\.user", rf"D {hive}\CLSID\{{user}}"])
    machine.fvm("diff", "classes", "--reg", r"C:\users\Public\classes.reg").expect()
    reference.unix(r"C:\users\Public\classes.reg").write_bytes(machine.unix(r"C:\users\Public\classes.reg").read_bytes())
    reference.outside(["reg", "import", r"C:\users\Public\classes.reg"]).expect()
    for root in (hive, linked):
        assert_same_keys(export_outside(reference, root), export_inside(machine, "classes", root))
    machine.fvm("delete", "classes").expect()


def test_keys_below_and_over_renamed_ones(machine):
    """What was under the old name goes with the key, changed or not; what the host has under the new one goes away."""
    trip, keys = X64 / "apps" / "trip.exe", r"HKCU\Software\Renamed"
    host = (r"Old", r"Old\Changed", r"Old\Kept\deep", r"Old\Again\deep", r"A\x", r"Over\x", r"Over\y\deep")
    import_reg(machine.outside, machine, [
        line for key in host for line in (rf"[HKEY_CURRENT_USER\Software\Renamed\{key}]", '"a"="1"', "")])
    machine.inside("renamed", ["reg", "delete", rf"{keys}\Over", "/f"]).expect()
    machine.inside("renamed", [trip, "rename", r"Software\Renamed\A", "Over"]).expect()
    machine.inside("renamed", [trip, "rename", r"Software\Renamed\Old", "Zew"]).expect()
    machine.inside("renamed", ["reg", "add", rf"{keys}\Zew\Changed", "/v", "c", "/f"]).expect()
    machine.inside("renamed", ["reg", "delete", rf"{keys}\Zew\Again", "/f"]).expect()
    machine.inside("renamed", ["reg", "add", rf"{keys}\Zew\Again", "/f"]).expect()
    seen = export_inside(machine, "renamed", keys)
    lines = machine.fvm("diff", "renamed").expect().text.splitlines()
    assert [line for line in lines if keys in line] == [line.replace("K", keys, 1) for line in (
        r"D K\A", r"D K\Old", r"D K\Over\y", r"A K\Zew", r"A K\Zew : a", r"A K\Zew\Again", r"A K\Zew\Again : (Default)",
        r"A K\Zew\Changed", r"A K\Zew\Changed : a",
        r"A K\Zew\Changed : c", r"A K\Zew\Kept", r"A K\Zew\Kept\deep", r"A K\Zew\Kept\deep : a")]
    machine.fvm("diff", "renamed", "--reg", r"C:\users\Public\renamed.reg").expect()
    machine.outside(["reg", "import", r"C:\users\Public\renamed.reg"]).expect()
    assert_same_keys(export_outside(machine, keys), seen)
    machine.fvm("delete", "renamed").expect()
    machine.outside(["reg", "delete", keys, "/f"]).expect()


def test_random_changes_make_a_round_trip(machine):
    """Equal changes on the host and in a VM do equal things, the host's keys stay as they were, and what `fvm diff` wrote makes them
    as the VM's are."""
    trip, trees = X64 / "apps" / "trip.exe", "40"
    out, inside = r"Software\Trip\Out", r"Software\Trip\In"

    def shown(run, key):
        return run([trip, "show", key]).expect().text.splitlines()

    for key in (out, inside):
        machine.outside([trip, "seed", key, trees]).expect()
    seeded = shown(machine.outside, inside)
    assert len(seeded) > 1000 and seeded == shown(machine.outside, out)
    said = machine.outside([trip, "change", out, trees]).expect().text
    assert machine.inside("trip", [trip, "change", inside, trees]).expect().text.splitlines() == said.splitlines()
    assert shown(machine.outside, inside) == seeded
    changed = shown(machine.outside, out)
    assert shown(lambda command: machine.inside("trip", command), inside) == changed != seeded
    lines = machine.fvm("diff", "trip").expect().text.splitlines()
    assert len(lines) == len(set(lines))
    machine.fvm("diff", "trip", "--reg", r"C:\users\Public\trip.reg").expect()
    machine.outside(["reg", "import", r"C:\users\Public\trip.reg"]).expect()
    assert shown(machine.outside, inside) == changed
    machine.fvm("delete", "trip").expect()
    machine.outside(["reg", "delete", r"HKCU\Software\Trip", "/f"]).expect()
