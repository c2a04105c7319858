"""The command line: exit codes, streams, and one clear line for whatever is wrong."""
import re
import shutil
import subprocess

import pytest

from harness.paths import ROOT, X64, windows
from harness.snapshot import assert_unchanged, host_snapshot

ECHO = X64 / "apps" / "echo.exe"
FVM_ERROR, CANNOT_RUN, NOT_FOUND = 125, 126, 127


@pytest.fixture(scope="module")
def prepared(machine):
    machine.unix(r"C:\users\Public\text.exe").write_text("this is no program\n")
    machine.fvm("create", "codes").expect()


@pytest.fixture(autouse=True)
def host_stays_as_it_is(machine, prepared):
    before = host_snapshot(machine)
    yield
    assert_unchanged(before, host_snapshot(machine))


def one_line(result, *words):
    """An error of FVM's own: one line on standard error that names the thing; nothing on standard output."""
    lines = result.error.splitlines()
    assert len(lines) == 1 and lines[0].startswith("fvm: "), result.error
    for word in words:
        assert word in lines[0], lines[0]
    assert result.text == ""


def names(machine):
    """Of all VMs."""
    return [line.split()[0] for line in machine.fvm("ls").expect().text.splitlines()[1:]]


@pytest.mark.parametrize("arguments, word", [
    (["frobnicate"], "frobnicate"),
    (["run", "--frobnicate", "x", "--", "cmd"], "--frobnicate"),
    (["ls", "--frobnicate"], "--frobnicate"),
    (["run"], "run"),
    (["run", "--"], "run"),
    (["create"], "create"),
    (["create", "a", "b"], "b"),
    (["delete"], "delete"),
    (["help", "frobnicate"], "frobnicate"),
    (["diff", "no-such-vm"], "no-such-vm"),
    (["stop", "no-such-vm"], "no-such-vm"),
    (["delete", "no-such-vm"], "no-such-vm"),
    (["ps", "no-such-vm"], "no-such-vm"),
])
def test_bad_usage(machine, arguments, word):
    result = machine.fvm(*arguments)
    assert result.code == FVM_ERROR
    one_line(result, word)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "a\\b", "..\\x", "C:", "con", "NUL", "-x", ".x", "x.",
                                  "a*", "ä", "x" * 65, "a:b", "lpt1.txt"])
def test_bad_name(machine, name):
    for arguments in (["create", name], ["run", name, "--", "cmd", "/c", "exit 0"]):
        result = machine.fvm(*arguments)
        assert result.code == FVM_ERROR, (arguments, result)
        one_line(result)
    assert names(machine) == ["codes"]


@pytest.mark.parametrize("name", ["a", "A-1", "x.y_z", "x" * 64, "0"])
def test_good_name(machine, name):
    machine.fvm("create", name).expect()
    assert name in names(machine)
    one_line(machine.fvm("create", name).expect(FVM_ERROR), name)
    one_line(machine.fvm("create", name.swapcase()).expect(FVM_ERROR), name.swapcase())
    machine.fvm("delete", name).expect()
    assert name not in names(machine)


@pytest.mark.parametrize("code", [0, 1, 3, 42, 125, 126, 127, 255])
def test_exit_code_passes(machine, code):
    machine.inside("codes", ["cmd", "/c", f"exit {code}"]).expect(code)


def test_missing_program(machine):
    one_line(machine.inside("codes", ["no-such-program"]).expect(NOT_FOUND), "no-such-program")
    one_line(machine.inside("codes", [r"C:\nowhere\x.exe"]).expect(NOT_FOUND), "x.exe")
    one_line(machine.fvm("run", "codes", "--", "/nowhere/x.exe").expect(NOT_FOUND), "x.exe")


def test_not_executable(machine):
    one_line(machine.inside("codes", [r"C:\users\Public\text.exe"]).expect(CANNOT_RUN), "text.exe")
    one_line(machine.inside("codes", [r"C:\windows"]).expect(CANNOT_RUN), "windows")


def test_linux_program_is_refused(machine):
    """A program that the layer cannot enter must not run at all."""
    proof = machine.home / "ran"
    result = machine.fvm("run", "codes", "--", "/usr/bin/touch", str(proof))
    assert not proof.exists()
    assert result.code == CANNOT_RUN
    one_line(result, "touch")


def test_streams(machine):
    both = machine.inside("codes", ["cmd", "/c", "echo out& echo err>&2"]).expect()
    assert both.text.strip() == "out" and both.error.strip() == "err"
    data = bytes(range(256)) * 400
    echoed = machine.inside("codes", [ECHO], input=data).expect()
    assert echoed.out == data and echoed.err == b""


def test_arguments_stay_intact(machine):
    for argument in ["a b", 'say "hi"', "back\\slash\\", 'trail\\"', "100%", "^caret", "ünïcode"]:
        outside = machine.outside(["cmd", "/c", "echo", argument])
        inside = machine.inside("codes", ["cmd", "/c", "echo", argument])
        assert (inside.code, inside.out) == (outside.code, outside.out), argument


def test_linux_path_of_a_program(machine):
    program = machine.drive_c / "windows/system32/cmd.exe"
    machine.fvm("run", "codes", "--", str(program), "/c", "exit 7").expect(7)
    machine.fvm("run", "codes", "--", "system32/cmd.exe", "/c", "exit 8", cwd=machine.drive_c / "windows").expect(8)
    machine.fvm("run", "codes", "--", "cmd.exe", "/c", "exit 9", cwd=program.parent).expect(9)
    machine.fvm("run", "codes", "--", windows(program), "/c", "exit 6").expect(6)
    machine.fvm("run", "codes", "--", "C:/windows/system32/cmd.exe", "/c", "exit 5").expect(5)


def test_current_directory_and_environment(machine):
    outside = machine.outside(["cmd", "/c", "cd & echo %FVM_TEST%"], cwd=machine.home, env={"FVM_TEST": "42"})
    inside = machine.inside("codes", ["cmd", "/c", "cd & echo %FVM_TEST%"], cwd=machine.home, env={"FVM_TEST": "42"})
    assert inside.expect().text == outside.expect().text


def test_run_without_a_name(machine):
    """A name is chosen and printed, and the VM is kept."""
    result = machine.fvm("run", "--", "cmd", "/c", "echo data>C:\\thrown.txt").expect()
    (name,) = [name for name in names(machine) if name in result.error]
    assert "data" in machine.inside(name, ["cmd", "/c", "type C:\\thrown.txt"]).expect().text
    machine.fvm("delete", name).expect()


def test_rm(machine):
    machine.fvm("run", "--rm", "gone", "--", "cmd", "/c", "echo data>C:\\thrown.txt & exit 5").expect(5)
    assert names(machine) == ["codes"]
    machine.fvm("run", "--rm", "--", "cmd", "/c", "exit 0").expect()
    assert names(machine) == ["codes"]


def test_rm_loses_nothing_when_nothing_ran(machine):
    machine.inside("kept", ["cmd", "/c", "echo data>C:\\precious.txt"]).expect()
    for program, code in (("no-such-program", 127), ("/bin/ls", 126)):
        result = machine.fvm("run", "--rm", "kept", "--", program).expect(code)
        assert "kept VM kept" in result.error
    assert "precious" in machine.fvm("diff", "kept").expect().text
    machine.fvm("run", "--rm", "made", "--", "no-such-program").expect(127)
    machine.fvm("run", "--rm", "kept", "--", "cmd", "/c", "exit 0").expect()
    assert names(machine) == ["codes"]


def test_a_file_without_an_ending_hides_no_program(machine, tmp_path):
    (tmp_path / "cmd").write_text("no program")
    machine.inside("codes", ["cmd", "/c", "exit 9"], cwd=tmp_path).expect(9)
    (tmp_path / "alone").write_text("no program")
    assert "not a Windows program" in machine.fvm("run", "codes", "--", "alone", cwd=tmp_path).expect(126).error


def test_a_prefix_that_cannot_be(machine, tmp_path):
    for prefix in ("relative", "/proc/none"):
        result = machine.fvm("ls", env={**machine.env, "WINEPREFIX": prefix}, cwd=tmp_path).expect(125)
        assert prefix in result.error and result.error.count("\n") == 1


def test_two_vms_do_not_see_each_other(machine):
    for name in ("left", "right"):
        machine.inside(name, ["cmd", "/c", f"echo {name}>C:\\who.txt"]).expect()
    for name in ("left", "right"):
        assert machine.inside(name, ["cmd", "/c", "type C:\\who.txt"]).expect().text.strip() == name
        machine.fvm("delete", name).expect()
    machine.outside(["cmd", "/c", "if exist C:\\who.txt exit 1"]).expect()


def test_diff(machine):
    work = r"C:\users\Public"
    seeded = machine.unix(work)
    machine.inside("diff", ["cmd", "/c", f"echo new>{work}\\new.txt & md {work}\\dir & echo x>{work}\\dir\\x"
                            r" & echo more>>C:\windows\win.ini & del C:\windows\system.ini"
                            r" & ren C:\windows\notepad.exe scribble.exe"]).expect()
    lines = machine.fvm("diff", "diff").expect().text.splitlines()
    for line in [rf"A {work}\new.txt", rf"A {work}\dir", rf"A {work}\dir\x", r"M C:\windows\win.ini",
                 r"D C:\windows\system.ini"]:
        assert any(re.sub(r"\s+", " ", have).lower().rstrip("\\") == line.lower() for have in lines), (line, lines)
    assert any(have.startswith("R") and "notepad.exe" in have and "scribble.exe" in have for have in lines), lines
    assert not (seeded / "new.txt").exists()
    machine.fvm("delete", "diff").expect()


def test_help_and_version(machine):
    assert "run" in machine.fvm("help").expect().text
    assert "--rm" in machine.fvm("help", "run").expect().text
    assert re.search(r"\d+\.\d+", machine.fvm("version").expect().text)
    machine.fvm("help", "help").expect()


def test_ps_and_stop(machine):
    running = machine.popen_fvm(["run", "busy", "--", "cmd", "/c", "echo up & ping -n 60 127.0.0.1 >nul"])
    assert running.stdout.readline().strip() == b"up"
    assert "cmd.exe" in machine.fvm("ps", "busy").expect().text.lower()
    assert "busy" in machine.fvm("ps").expect().text
    one_line(machine.fvm("delete", "busy").expect(FVM_ERROR), "busy")
    machine.fvm("stop", "busy").expect()
    assert running.wait(timeout=20) != 0
    running.communicate()
    assert "cmd.exe" not in machine.fvm("ps", "busy").expect().text.lower()
    machine.fvm("delete", "busy").expect()


def test_log_names_files_as_people_do(machine):
    machine.inside("spelling", ["cmd", "/c", r"echo more>>C:\windows\win.ini"]).expect()
    lines = [line.split(" ", 2)[2].lower() for line in machine.fvm("log", "spelling").expect().text.splitlines()]
    assert [line for line in lines if line.startswith("copy-up")] == [r"copy-up c:\windows\win.ini"]
    machine.fvm("delete", "spelling").expect()

def test_installed(machine, tmp_path):
    """make install into a directory, as for a package; from there it runs by a link, in another directory, by a relative name."""
    if not shutil.which("make"):
        pytest.skip("not applicable: no make here")
    subprocess.run(["make", "-s", "install", f"DESTDIR={tmp_path}", "PREFIX=/opt/fvm"], cwd=ROOT, check=True,
                   stdin=subprocess.DEVNULL)
    installed = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert installed == ["opt/fvm/bin/fvm", "opt/fvm/lib/fvm/fvm.exe", "opt/fvm/share/man/man1/fvm.1"]
    link = tmp_path / "fvm"
    link.symlink_to("opt/fvm/bin/fvm")
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "hello.cmd").write_text("@echo hello %1\r\n@exit /b 7\r\n")

    def fvm(*arguments):
        return subprocess.run([link, *arguments], cwd=elsewhere, env=machine.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)

    assert fvm("version").stdout.startswith("fvm ")
    result = fvm("run", "--rm", "--", "cmd", "/c", "hello.cmd", "world")
    assert (result.returncode, result.stdout) == (7, "hello world\n"), result.stderr
    (elsewhere / "echo.exe").write_bytes(ECHO.read_bytes())
    assert fvm("run", "--rm", "--", "./echo.exe").returncode == machine.outside([ECHO]).code
    (tmp_path / "opt/fvm/lib/fvm/fvm.exe").unlink()
    result = fvm("version")
    assert result.returncode == FVM_ERROR and "make install" in result.stderr
