"""kill -9 in the middle of copying and of writing the journal: afterwards the VM has every change that was complete,
the one in progress entirely or not at all, and nothing else; and nothing of the VM goes on running."""
import os
import signal
import time
from pathlib import Path

import pytest

from harness.paths import X64
from harness.snapshot import assert_unchanged, host_snapshot

WRITER = X64 / "apps" / "writer.exe"
COUNT = 200
OLD = b"o" * 65536


def processes_of(machine, mark):
    """Ids of the processes of this machine that have `mark` in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in command and f"WINEPREFIX={machine.prefix}\0".encode() in environment:
            found.append(int(entry.name))
    return found


def wait_until_gone(machine, mark, seconds=10):
    end = time.monotonic() + seconds
    while processes_of(machine, mark):
        assert time.monotonic() < end, f"processes go on running: {processes_of(machine, mark)}"
        time.sleep(0.05)


def fill(directory):
    directory.mkdir(parents=True)
    for i in range(COUNT):
        (directory / f"f{i}").write_bytes(OLD)


@pytest.mark.parametrize("victim", ["program", "fvm", "all"])
@pytest.mark.parametrize("after", [0, 1, 7, 30, 90])
def test_nothing_is_torn(victim, after, machine):
    name = f"kill-{victim}-{after}"
    directory = f"C:\\{name}"
    fill(machine.unix(directory))
    before = host_snapshot(machine)

    fvm = machine.popen_fvm(["run", name, "--", WRITER, "change", directory, COUNT])
    lines = []
    while len(lines) < after:
        line = fvm.stdout.readline()
        assert line, fvm.stderr.read().decode()
        lines.append(line)
    # fvm has the program's command line in its own; the program is the one that does not begin with fvm
    programs = [pid for pid in processes_of(machine, directory) if pid != fvm.pid]
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

    machine.inside(name, [WRITER, "check", directory, COUNT, done]).expect()
    # the VM still works
    machine.inside(name, ["cmd", "/c", f"echo more>{directory}\\more.txt"]).expect()
    assert "more" in machine.inside(name, ["cmd", "/c", f"type {directory}\\more.txt"]).expect().text
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
