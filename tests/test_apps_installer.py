"""A 32-bit installer as Debian's makensis makes them: installs, registers an uninstaller, and uninstalls, inside as outside."""
import shutil
import subprocess
import time

import pytest

from harness.compare import assert_same_lines
from harness.paths import X64
from harness.snapshot import assert_unchanged, host_snapshot

DIRECTORY = r"C:\Program Files (x86)\FVM Sample"
LOOK = rf"""
@echo off
cd C:\
if exist "{DIRECTORY}" dir /s /b /a "{DIRECTORY}"
if exist "{DIRECTORY}\settings.ini" type "{DIRECTORY}\settings.ini"
if exist "{DIRECTORY}\data\deeper\copy.txt" type "{DIRECTORY}\data\deeper\copy.txt"
dir /b C:\windows\syswow64\fvm* C:\windows\system32\fvm*
dir /s /b "%APPDATA%\Microsoft\Windows\Start Menu\Programs"
reg query "HKLM\Software\FVM Sample" /s /reg:32
reg query "HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\FVM Sample" /reg:32
reg query "HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall" /reg:32
reg query "HKCU\Software\FVM Sample"
reg query HKCR\.fvmsample
echo looked
"""


@pytest.fixture
def setup(narrow_programs, machine, reference):
    for prefix in (machine, reference):
        shutil.copy(X64 / "apps/setup.exe", prefix.drive_c)  # made by makensis, see tests/apps
        (prefix.drive_c / "look.bat").write_bytes(LOOK.replace("\n", "\r\n").encode())


def test_installer(machine, reference, setup, desktop):
    before = host_snapshot(machine)

    def compare(command):
        # the desktop that Wine starts for a program with windows goes on, and would hold a pipe open
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        assert reference.popen(command, **quiet).wait(timeout=60) == 0
        assert machine.popen_fvm(["run", "installer", "--", *command], **quiet).wait(timeout=60) == 0
        wait_for_uninstaller(reference)
        looks = [run(["cmd", "/c", r"C:\look.bat"]).text for run in
                 (reference.outside, lambda command: machine.inside("installer", command))]
        assert_same_lines(*looks)
        assert "looked" in looks[1]
        return looks[1]

    installed = compare([r"C:\setup.exe", "/S"])
    for word in ("program.exe", "copy.txt", "version=1.2.3", "fvm-sample.dll", "Sample.lnk", "UninstallString", "FVMSample.Document"):
        assert word in installed, installed
    diff = machine.fvm("diff", "installer").expect().text.lower()
    for what in (rf"{DIRECTORY}\program.exe", r"C:\windows\syswow64\fvm-sample.dll",
                 r"HKLM\Software\Wow6432Node\FVM Sample",
                 r"HKLM\Software\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall\FVM Sample"):
        assert f"a {what}\n".lower() in diff.replace("\r", ""), (what, diff)
    again = compare([r"C:\setup.exe", "/S"])
    assert again == installed
    removed = compare([rf"{DIRECTORY}\uninstall.exe", "/S"])
    for word in ("program.exe", "fvm-sample.dll", "Sample.lnk", "UninstallString", "FVMSample.Document"):
        assert word not in removed, removed
    diff = machine.fvm("diff", "installer").expect().text
    assert "program.exe" not in diff and "Uninstall" not in diff, diff
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", "installer").expect()


def wait_for_uninstaller(reference, seconds=30):
    """It copies itself to the directory for temporary files, and ends before the copy does; fvm run waits for both."""
    deadline = time.monotonic() + seconds
    while "Un" in reference.outside(["tasklist"]).text and time.monotonic() < deadline:
        time.sleep(0.2)
