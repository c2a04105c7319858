"""kill -9 in the middle of copying and of writing the journal: afterwards the VM has every change that was complete,
the one in progress entirely or not at all, and nothing else; and nothing of the VM goes on running."""
import os
import signal
import subprocess
import time

import pytest

from harness.paths import BUILD, X64, windows
from harness.snapshot import assert_unchanged, host_snapshot

WRITER = X64 / "apps" / "writer.exe"
COUNT = 200
OLD = b"o" * 65536


def wait_until_gone(machine, mark, seconds=10):
    end = time.monotonic() + seconds
    while machine.processes(mark):
        assert time.monotonic() < end, f"processes go on running: {machine.processes(mark)}"
        time.sleep(0.05)


def fill(directory):
    directory.mkdir(parents=True)
    for i in range(COUNT):
        (directory / f"f{i}").write_bytes(OLD)


def change_and_kill(machine, name, change, check, victim, after):
    directory = f"C:\\{name}"
    fill(machine.unix(directory))
    before = host_snapshot(machine)

    fvm = machine.popen_fvm(["run", name, "--", *change, "change", directory, COUNT])
    lines = []
    while len(lines) < after:
        line = fvm.stdout.readline()
        assert line, fvm.stderr.read().decode()
        lines.append(line)
    # fvm has the program's command line in its own; the program is the one that does not begin with fvm
    programs = [pid for pid in machine.processes(directory) if pid != fvm.pid]
    assert programs or after == 0
    victims = {"program": programs, "fvm": [fvm.pid], "all": [fvm.pid, *programs]}[victim]
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    rest, _ = fvm.communicate(timeout=60)
    wait_until_gone(machine, directory)
    done = len(lines) + rest.count(b"\n")

    machine.inside(name, [check, "check", directory, COUNT, done]).expect()
    # the VM still works
    machine.inside(name, ["cmd", "/c", f"echo more>{directory}\\more.txt"]).expect()
    assert "more" in machine.inside(name, ["cmd", "/c", f"type {directory}\\more.txt"]).expect().text
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", name).expect()


@pytest.mark.parametrize("victim", ["program", "fvm", "all"])
@pytest.mark.parametrize("after", [0, 1, 7, 30, 90])
def test_nothing_is_torn(victim, after, machine):
    change_and_kill(machine, f"kill-{victim}-{after}", [WRITER], WRITER, victim, after)


@pytest.mark.parametrize("victim", ["program", "fvm", "all"])
@pytest.mark.parametrize("kinds", [("syswow64", "x64", "x86"), ("system32", "x86", "x64")], ids=["64 bits", "32 bits"])
def test_nothing_is_torn_in_a_tree_of_both_kinds(victim, kinds, machine, narrow_programs):
    """The one kind starts a writer of the other, and finds what that wrote."""
    starter, changes, checks = kinds
    writer, check = (BUILD / kind / "apps/writer.exe" for kind in (changes, checks))
    command = [f"C:\\windows\\{starter}\\cmd.exe", "/c", windows(writer)]
    change_and_kill(machine, f"kill-both-{changes}-{victim}", command, check, victim, 30)


def test_an_id_of_a_killed_run_is_not_the_vms(machine):
    """Another run of the VM goes on; a process of the host gets the id."""
    ids = X64 / "apps" / "ids.exe"
    other, killed = (machine.popen_fvm(["run", "ids", "--", ids, "wait"], stdin=subprocess.PIPE) for _ in range(2))
    kept, gone = (run.stdout.readline().strip() for run in (other, killed))
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    host = machine.popen([ids, "again", gone.decode()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert host.stdout.readline().strip() == b"again"
    outside, inside = (run([ids, "list"]).expect().text.split() for run in (machine.outside, lambda line: machine.inside("ids", line)))
    for run in (host, other):
        run.communicate(b"\n", timeout=60)
    assert gone.decode() in outside and gone.decode() not in inside and kept.decode() in inside, (gone, outside, inside)
    machine.fvm("delete", "ids").expect()


def test_names_of_one_file_stay_one_file(machine):
    """Killed while the copy of a file with many hard links gets its other names: the next copy starts anew."""
    name, count = "kill-links", 600
    directory = machine.unix(f"C:\\{name}")
    directory.mkdir()
    (directory / "f0").write_text("old\n")
    for i in range(1, count):
        os.link(directory / "f0", directory / f"f{i}")
    before = host_snapshot(machine)
    machine.fvm("create", name).expect()
    partners = next(machine.prefix.rglob(f"vms/{name}")) / "partners"

    fvm = machine.popen_fvm(["run", name, "--", "cmd", "/c", f"echo more>>C:\\{name}\\f0"])
    while not partners.exists() or len(os.listdir(partners)) < 20:
        assert fvm.poll() is None, "it was not caught in time"
    for pid in [fvm.pid, *machine.processes(f"C:\\{name}")]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    fvm.communicate(timeout=60)
    wait_until_gone(machine, f"C:\\{name}")
    assert len(os.listdir(partners)) < count - 1, "it was not caught in time"

    show = " & ".join(f"type C:\\{name}\\f{i}" for i in (0, 1, count // 2, count - 1))
    for changed in (0, count - 1, 1):
        machine.inside(name, ["cmd", "/c", f"echo more>>C:\\{name}\\f{changed}"]).expect()
        lines = machine.inside(name, ["cmd", "/c", show]).expect().text.split()
        assert lines == lines[: len(lines) // 4] * 4, lines
    assert lines.count("more") == 12
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", name).expect()


def test_ctrl_c_leaves_no_orphan(machine):
    mark = "61.61"
    fvm = machine.popen_fvm(["run", "ctrl-c", "--", "cmd", "/c", f"echo up & ping -n {mark[:2]} 127.0.0.1 >nul {mark}"])
    assert fvm.stdout.readline().strip() == b"up"
    fvm.send_signal(signal.SIGINT)
    fvm.communicate(timeout=30)
    wait_until_gone(machine, mark)
    assert machine.fvm("ps", "ctrl-c").expect().text.count("cmd.exe") == 0
    machine.fvm("delete", "ctrl-c").expect()
