"""Real Windows programs: equal output inside and outside, and an untouched host."""
import re
import zipfile

import pytest

from harness.compare import assert_same_lines
from harness.paths import CMAKE, NINJA, SEVEN_ZIP, windows
from harness.seed import seed, stamp
from harness.snapshot import assert_unchanged, host_snapshot
from harness.wine import TIMEOUT


CMAKE_PROJECT = """\
cmake_minimum_required(VERSION 3.20)
project(small LANGUAGES NONE)
configure_file(greeting.txt.in greeting.txt)
foreach(i RANGE 1 20)
    add_custom_command(OUTPUT part${i}.txt DEPENDS ${CMAKE_BINARY_DIR}/greeting.txt
        COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_BINARY_DIR}/greeting.txt part${i}.txt)
    list(APPEND parts part${i}.txt)
endforeach()
add_custom_command(OUTPUT whole.txt DEPENDS ${parts} COMMAND ${CMAKE_COMMAND} -E cat ${parts} > whole.txt)
add_custom_command(OUTPUT whole.7z.txt DEPENDS whole.txt
    COMMAND ${CMAKE_COMMAND} -E make_directory stage
    COMMAND ${CMAKE_COMMAND} -E copy whole.txt stage/copy.txt
    COMMAND ${CMAKE_COMMAND} -E rename stage/copy.txt whole.7z.txt)
add_custom_target(everything ALL DEPENDS whole.7z.txt)
"""

SCRIPT = """\
@echo off
md one\\two
copy readme.txt one\\two\\copy.txt
move sub\\one.txt one\\moved.txt
ren MixedCase.TXT changed.txt
del /q tree\\a\\1.dat
xcopy /s /i /y tree one\\tree
attrib +h empty
attrib -r read-only.txt
echo line>>read-only.txt
rd /s /q "empty dir"
ren sub below
echo through>below\\two.txt
if exist sub\\two.txt echo WRONG
type below\\two.txt
for %%f in (*) do @echo %%f %%~zf
dir /s
attrib
exit /b 12
"""


def make_archive(path):
    """Files that are new and files that are on the host already (see harness.seed), with fixed times."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [("readme.txt", "overwritten by the archive\r\n"), ("sub/one.txt", "one, again\r\n"),
                              ("sub/new.txt", "new\r\n"), ("tree/c/deep/er/file.txt", "deep\r\n"),
                              *((f"many/{i % 10}/file{i}.dat", f"content {i}\n" * (i % 50)) for i in range(300))]:
            archive.writestr(zipfile.ZipInfo(name, (2021, 2, 3, 4, 5, 6)), content)


@pytest.fixture
def both(machine, reference, request):
    """both(COMMAND, ...): runs the same outside on one machine and inside a VM on the other, compares, returns text."""
    vm = request.node.name
    where = f"users/Public/{vm}/work"
    for prefix in (machine, reference):
        top = seed(prefix.drive_c / where)
        make_archive(top.parent / "archive.zip")
        (top.parent / "script.bat").write_bytes(SCRIPT.replace("\n", "\r\n").encode())
        (top / "project").mkdir()
        (top / "project/CMakeLists.txt").write_text(CMAKE_PROJECT)
        (top / "project/greeting.txt.in").write_text("hello from @PROJECT_NAME@\n")
        stamp(top.parent)
    machine.fvm("create", vm).expect()
    before = host_snapshot(machine)

    def run(*command, code=0, env=None, timeout=TIMEOUT):
        outside = reference.outside(command, cwd=reference.drive_c / where, env=env, timeout=timeout)
        inside = machine.inside(vm, command, cwd=machine.drive_c / where, env=env, timeout=timeout)
        assert_same_lines(normal(outside.text + outside.error), normal(inside.text + inside.error))
        assert outside.code == inside.code == code, (outside, inside)
        return inside.text

    yield run
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", vm).expect()


def normal(text):
    """Without what differs from run to run."""
    text = re.sub(r"\(\d+\.\d+s\)", "(time)", text)
    text = re.sub(r"in \d+(\.\d+)?m?s", "in (time)", text)
    text = re.sub(r"[\d,]+ bytes free", "bytes free", text)
    text = re.sub(r"\s*\d+/\d+/\d+ +\d+:\d+ [AP]M", " (time)", text)
    return text


def hashes(run):
    """Name, size and hash of everything below the directory, as 7-Zip sees it."""
    return run(windows(SEVEN_ZIP), "h", "-scrcSHA256", "-r", "-bd", ".")


def test_7zip_extracts_over_existing_files(both):
    both(windows(SEVEN_ZIP), "x", "..\\archive.zip", "-y", "-bd")
    assert "file299.dat" in hashes(both)
    both("cmd", "/c", "type readme.txt & dir /s /b")


def test_7zip_compresses_and_tests(both):
    both(windows(SEVEN_ZIP), "a", "-bd", "-mmt1", "..\\new.7z", "*")
    both(windows(SEVEN_ZIP), "t", "-bd", "..\\new.7z")
    both(windows(SEVEN_ZIP), "l", "-bd", "..\\new.7z")
    both(windows(SEVEN_ZIP), "d", "-bd", "..\\new.7z", "tree")
    both(windows(SEVEN_ZIP), "u", "-bd", "..\\new.7z", "sub")
    both(windows(SEVEN_ZIP), "x", "-bd", "-y", "-oout", "..\\new.7z")
    hashes(both)


def test_cmake_and_ninja_build(both):
    ninja = {"NINJA": windows(NINJA).replace("\\", "/")}
    both(windows(CMAKE), "-G", "Ninja", "-S", "project", "-B", "build", f"-DCMAKE_MAKE_PROGRAM={ninja['NINJA']}")
    both(windows(NINJA), "-C", "build", "-j1")
    both(windows(NINJA), "-C", "build", "-j1")
    assert both("cmd", "/c", "type build\\whole.7z.txt").count("hello from small") == 20
    both("cmd", "/c", "del build\\whole.txt & echo changed> build\\greeting.txt")
    both(windows(NINJA), "-C", "build", "-j1")
    both("cmd", "/c", "type build\\whole.7z.txt & dir /b build")


def test_cmd_batch(both):
    both("cmd", "/c", "..\\script.bat", code=12)
    both("cmd", "/c", "..\\script.bat & dir /s")
