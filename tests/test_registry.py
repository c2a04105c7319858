"""The registry of a VM under real programs: reg.exe, regedit and msiexec do the same inside and outside."""
import re
import shutil
import subprocess

import pytest

from harness.compare import assert_same_lines
from harness.keys import assert_same_keys, export_inside, export_outside, large_reg, read_reg, stored, write_reg
from harness.paths import ROOT, X64
from harness.snapshot import assert_unchanged, host_snapshot

# Services of keys and the registry that need not be intercepted: they take nothing but the handle of an object that is the VM's.
BY_HANDLE = {"NtReleaseKeyedEvent", "NtWaitForKeyedEvent", "NtCommitRegistryTransaction", "NtRollbackRegistryTransaction"}
# What Windows 10 and 11 have; Wine has some of them.
SERVICES = """
NtCompactKeys NtCompressKey NtCreateKey NtCreateKeyTransacted NtCreateKeyedEvent NtCreateRegistryTransaction NtDeleteKey
NtDeleteValueKey NtEnumerateKey NtEnumerateValueKey NtFlushKey NtFreezeRegistry NtInitializeRegistry NtLoadKey NtLoadKey2
NtLoadKey3 NtLoadKeyEx NtLockProductActivationKeys NtLockRegistryKey NtNotifyChangeKey NtNotifyChangeMultipleKeys NtOpenKey
NtOpenKeyEx NtOpenKeyTransacted NtOpenKeyTransactedEx NtOpenKeyedEvent NtOpenRegistryTransaction NtQueryKey
NtQueryMultipleValueKey NtQueryOpenSubKeys NtQueryOpenSubKeysEx NtQueryValueKey NtRenameKey NtReplaceKey NtRestoreKey
NtSaveKey NtSaveKeyEx NtSaveMergedKeys NtSetInformationKey NtSetValueKey NtThawRegistry NtUnloadKey NtUnloadKey2
NtUnloadKeyEx NtQuerySecurityObject NtSetSecurityObject
"""

SCRIPT = r"""
reg add HKCU\Software\Script /f
reg add HKCU\Software\Script /v text /t REG_SZ /d "some text" /f
reg add HKCU\Software\Script /v text /t REG_SZ /d "other text" /f
reg add HKCU\Software\Script /ve /d "the default" /f
reg add HKCU\Software\Script /v number /t REG_DWORD /d 0x2a /f
reg add HKCU\Software\Script /v long /t REG_QWORD /d 12345678901 /f
reg add HKCU\Software\Script /v bytes /t REG_BINARY /d 00ff10 /f
reg add HKCU\Software\Script /v many /t REG_MULTI_SZ /d "one\0two\0three" /f
reg add HKCU\Software\Script /v expand /t REG_EXPAND_SZ /d "x;y" /f
reg add HKCU\Software\Script /v none /t REG_NONE /f
reg add "HKCU\Software\Script\a b\c" /v "v w" /d x /f
reg query HKCU\Software\Script /s
reg query HKCU\Software\Script /v text
reg query HKCU\Software\Script /ve
reg query HKCU\Software\Script /v missing
reg query HKCU\Software\Missing
reg add HKLM\Software\Microsoft\Windows\CurrentVersion /v Added /d "in a key of the host" /f
reg add HKLM\Software\Microsoft\Windows\CurrentVersion\Added\Below /ve /d below /f
reg add HKLM\Software\Classes\.script /ve /d script.file /f
reg query HKCR\.script
reg query HKLM\Software\Microsoft\Windows\CurrentVersion
reg delete HKLM\Software\Microsoft\Windows\CurrentVersion /v ProgramFilesDir /f
reg delete HKLM\Software\Microsoft\Windows\CurrentVersion /v Missing /f
reg query HKLM\Software\Microsoft\Windows\CurrentVersion
reg delete "HKLM\Software\Microsoft\Windows NT\CurrentVersion\Ports" /f
reg delete "HKLM\Software\Microsoft\Windows NT\CurrentVersion\ProfileList" /va /f
reg delete HKLM\Software\Classes\MIME /f
reg query HKLM\Software\Classes\MIME
reg add HKLM\Software\Classes\MIME /v Again /d x /f
reg query HKLM\Software\Classes\MIME /s
reg copy HKCU\Software\Script HKCU\Software\Copied /s /f
reg query HKCU\Software\Copied /s
reg export HKCU\Software\Script C:\script.reg /y
reg delete HKCU\Software\Script /f
reg query HKCU\Software\Script
reg import C:\script.reg
reg query HKCU\Software\Script /s
reg add HKLM\Software\Script32 /v view /d 32 /f /reg:32
reg query HKLM\Software\Script32 /reg:64
reg query HKLM\Software\Wow6432Node\Script32
reg delete HKCU /v missing /f
reg frobnicate
"""
NO_PIPES = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
ROOTS = [r"HKLM\Software", r"HKLM\System", "HKCU"]

# Windows keeps the package under a name that it makes up.
MADE_UP = re.compile(r"[0-9a-f]{1,8}\.(msi|mst)", re.IGNORECASE)
# Wine makes up names and dates for the display.
DISPLAY = re.compile(r"\\Control\\(Video|Class\\\{4D36E968)|\\Enum\\(DISPLAY|PCI)\\", re.IGNORECASE)
PACKAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="{6D1E8C1C-7F0A-4D0C-9E6B-0A5C8B0F1A01}" Name="Small Program" Language="1033" Version="1.2.3"
           Manufacturer="FVM tests" UpgradeCode="{B1C7C0AC-30B0-4D55-8A7C-6C6D7C8A1B02}">
    <Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine"/>
    <Media Id="1" Cabinet="small.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder">
        <Directory Id="INSTALLDIR" Name="Small Program">
          <Component Id="Main" Guid="{0F5E3B7E-3C9D-4B57-9B5A-3B2E7B1F1C03}" Win64="yes">
            <File Id="readme" Name="readme.txt" Source="readme.txt" KeyPath="yes"/>
            <RegistryKey Root="HKLM" Key="Software\\FVM tests\\Small">
              <RegistryValue Type="string" Value="the default"/>
              <RegistryValue Type="string" Name="text" Value="some text"/>
              <RegistryValue Type="integer" Name="number" Value="42"/>
              <RegistryValue Type="expandable" Name="path" Value="%SystemRoot%\\x"/>
            </RegistryKey>
          </Component>
        </Directory>
      </Directory>
    </Directory>
    <Feature Id="All" Level="1"><ComponentRef Id="Main"/></Feature>
  </Product>
</Wix>
"""


@pytest.fixture(scope="module", autouse=True)
def files(machine, reference):
    """What the programs read, on both machines."""
    public = r"C:\users\Public"
    script = ["@echo off"]
    for command in SCRIPT.strip().splitlines():
        script += [f"echo {command}", command, "echo exit code %errorlevel%"]
    for prefix in (machine, reference):
        top = prefix.unix(public)
        (top / "script.bat").write_bytes("\r\n".join(script).encode())
        large_reg(top / "large.reg")
        write_reg(top / "less.reg", [
            "Windows Registry Editor Version 5.00", "", r"[-HKEY_CURRENT_USER\Software\Import\group7]", "",
            r"[HKEY_CURRENT_USER\Software\Import\group8\key8]", '"value0"=-', '"value1"=dword:00000001', ""])


@pytest.fixture(scope="module")
def package(machine, reference, tmp_path_factory):
    """An .msi that installs a file and values; Windows adds the entry that uninstalls it."""
    if not shutil.which("wixl"):
        pytest.skip("not applicable: no wixl in the tree of Wine 10")
    directory = tmp_path_factory.mktemp("package")
    (directory / "small.wxs").write_text(PACKAGE)
    (directory / "readme.txt").write_text("installed\r\n")
    subprocess.run(["wixl", "-a", "x64", "-o", "small.msi", "small.wxs"], cwd=directory, check=True, capture_output=True)
    path = r"C:\users\Public\small.msi"
    for prefix in (machine, reference):
        prefix.unix(path).write_bytes((directory / "small.msi").read_bytes())
        # a program with a window, so that Wine's desktop is up and belongs to the host
        prefix.popen(["msiexec", "/x", "missing.msi", "/qn"], **NO_PIPES).wait(timeout=120)
    return path


@pytest.fixture
def both(machine, reference, request):
    """both(COMMAND, ...): the same outside and inside, with equal output; both.exports(ROOT): with equal registries."""
    vm = request.node.name.removeprefix("test_")
    machine.fvm("create", vm).expect()
    before = host_snapshot(machine)

    def run(*command):
        outside, inside = reference.outside(command), machine.inside(vm, command)
        assert_same_lines(outside.text + outside.error, inside.text + inside.error)
        assert outside.code == inside.code, (outside, inside)
        return inside

    def exports(root, without=r"\n"):
        outside, inside = export_outside(reference, root), export_inside(machine, vm, root)
        outside, inside = ({key: [MADE_UP.sub("made up", line) for line in lines] for key, lines in keys.items()
                            if not DISPLAY.search(key) and not re.search(without, key)} for keys in (outside, inside))
        assert_same_keys(outside, inside)
        return inside

    def silently(*command):
        """For what opens windows: Wine's desktop, which that starts, holds the program's pipes."""
        for process in (reference.popen(command, **NO_PIPES), machine.popen_fvm(["run", vm, "--", *command], **NO_PIPES)):
            assert process.wait(timeout=120) == 0

    run.vm, run.exports, run.silently = vm, exports, silently
    yield run
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", vm).expect()


def test_every_service_of_keys_is_intercepted(machine):
    exports = re.findall(rb"\0(Nt\w*(?:Key|Registry)\w*)(?=\0)", machine.unix(r"C:\windows\system32\ntdll.dll").read_bytes())
    assert len(exports) > 25
    intercepted = set(re.findall(r"SERVICE\((\w+)\)", (ROOT / "src/layer/services.def").read_text()))
    assert {name.decode() for name in exports}.union(SERVICES.split()) - BY_HANDLE <= intercepted


def test_msiexec_installs_and_uninstalls(package, both):
    files = ["cmd", "/c", "dir", "/s", "/b", r"C:\Program Files"]
    readme = ["cmd", "/c", "type", r"C:\Program Files\Small Program\readme.txt"]
    both.silently("msiexec", "/i", package, "/qn")
    assert both(*readme).expect().text == "installed\n"
    assert "readme.txt" in both(*files).text
    installed = [both.exports(root) for root in ROOTS]
    assert len(installed[0][r"[HKEY_LOCAL_MACHINE\Software\FVM tests\Small]"]) == 4
    assert any("Small Program" in line for key, lines in installed[0].items() if "Uninstall" in key for line in lines)
    both.silently("msiexec", "/x", package, "/qn")
    assert both(*readme).code == 1
    both(*files)
    removed = [both.exports(root) for root in ROOTS]
    assert not any("Small" in key for keys in removed for key in keys)
    assert installed != removed


def test_regedit_imports_a_large_file(both, reference):
    both("regedit", "/S", r"C:\users\Public\large.reg").expect()
    keys = both.exports(r"HKCU\Software\Import")
    assert len(keys) == 10_101 and sum(map(len, keys.values())) >= 100_000
    both("regedit", "/S", r"C:\users\Public\less.reg").expect()
    assert len(both.exports(r"HKCU\Software\Import")) == 10_000
    reference.outside(["reg", "delete", r"HKCU\Software\Import", "/f"]).expect()


def test_reg_exe_script(both, machine, reference):  # the last one: it changes the reference for good
    text = both("cmd", "/c", r"C:\users\Public\script.bat").text
    assert text.count("exit code 0") > 20 and text.count("exit code 1") > 5
    for root in ROOTS:
        both.exports(root, without=r"\\Installer\b")  # what the package left on the reference
    assert read_reg(reference.unix(r"C:\script.reg")) == read_reg(stored(machine, both.vm, r"C:\script.reg"))


def test_a_key_with_many_subkeys_is_deleted(machine):
    """Programs delete the first subkey until there is none: what that costs must not grow with the square of their number."""
    count, timeout = 2000, 100
    keys = (rf"[HKEY_LOCAL_MACHINE\Software\Many\key {i}]" for i in range(count))
    write_reg(machine.unix(r"C:\many.reg"), ["Windows Registry Editor Version 5.00", "", *keys, ""])
    machine.outside(["reg", "import", r"C:\many.reg"], **NO_PIPES).expect()
    before = host_snapshot(machine)
    machine.inside("many", ["reg", "delete", r"HKLM\Software\Many", "/f"], timeout=timeout).expect()
    assert machine.inside("many", ["reg", "query", r"HKLM\Software\Many"]).code == 1
    assert_unchanged(before, host_snapshot(machine))
    assert "D HKLM\\Software\\Many\n" in machine.fvm("diff", "many").expect().text
    machine.fvm("delete", "many").expect()
    machine.outside(["reg", "delete", r"HKLM\Software\Many", "/f"], **NO_PIPES).expect()


def test_keys_below_one_that_the_host_deletes_stay(machine):
    """They are reached by their names, and seen again when the VM makes the key above them anew."""
    top = r"HKCU\Software\Orphans"
    for key in (r"P", r"S\T\U", "Free"):
        machine.outside(["reg", "add", rf"{top}\{key}", "/v", "a", "/d", "1", "/f"]).expect()
    for key in (r"P\new", r"S\T\U"):
        machine.inside("orphans", ["reg", "add", rf"{top}\{key}", "/v", "n", "/d", "1", "/f"]).expect()
    for key in ("P", "S"):
        machine.outside(["reg", "delete", rf"{top}\{key}", "/f"]).expect()
    assert machine.inside("orphans", ["reg", "query", rf"{top}\P"]).code == 1
    rename = machine.inside("orphans", [X64 / "apps" / "trip.exe", "rename", r"Software\Orphans\Free", "P"])
    assert rename.code != 0
    for key in ("P", "S", r"S\T"):
        machine.inside("orphans", ["reg", "query", rf"{top}\P\new", "/v", "n"]).expect()
        machine.inside("orphans", ["reg", "add", rf"{top}\{key}", "/v", "later", "/d", "1", "/f"]).expect()
    text = machine.inside("orphans", ["reg", "query", top, "/s"]).expect().text
    assert re.findall(r"Orphans.*|(?<=^    )\w+", text, re.MULTILINE) == [
        r"Orphans\Free", "a", r"Orphans\P", "later", r"Orphans\P\new", "n", r"Orphans\S", "later", r"Orphans\S\T", "later",
        r"Orphans\S\T\U", "a", "n"]
    lines = machine.fvm("diff", "orphans").expect().text.splitlines()
    assert rf"A {top}\P : later" in lines and rf"A {top}\P\new : n" in lines and rf"A {top}\S\T\U : a" in lines
    machine.fvm("delete", "orphans").expect()
    machine.outside(["reg", "delete", top, "/f"]).expect()
