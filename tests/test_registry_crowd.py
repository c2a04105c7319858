"""Many at the same keys at once: in one VM, and in two VMs and on the host; writers that are killed; watching; handles of the
host's that come into a VM; what a VM's registry survives."""
import os
import random
import re
import signal
import subprocess
import time

import pytest

from harness.keys import assert_same_keys, export_inside, export_outside
from harness.paths import BUILD, FVM, X64, windows
from harness.snapshot import assert_unchanged, host_snapshot
from test_kill import wait_until_gone

KEYS, SHUFFLE = X64 / "apps" / "keys.exe", X64 / "apps" / "shuffle.exe"
PROCESSES = 8
SEEDED = 400  # keys on the host
KILL_SECONDS = 20
TOP = r"HKCU\Software\Keys"


@pytest.fixture(scope="module", autouse=True)
def seeded(machine):
    machine.outside([KEYS, "seed", SEEDED]).expect()


@pytest.fixture
def unchanged(machine):
    before = host_snapshot(machine)
    yield
    assert_unchanged(before, host_snapshot(machine))


def test_processes_of_one_vm_write_one_key(machine, unchanged):
    machine.inside("crowd", [KEYS, "spawn", PROCESSES]).expect()
    machine.inside("crowd", [KEYS, "verify", PROCESSES]).expect()
    machine.fvm("delete", "crowd").expect()


# Eight threads make each other wait; a hundred need more memory at a time than the layer keeps.
@pytest.mark.parametrize("threads, steps, seeds", [(8, 1000, (1, 2, 3)), (100, 60, (4,))])
def test_threads_share_handles(machine, threads, steps, seeds):
    """They close handles that others use, and rename and delete keys that others have open: all of it ends, and what other threads did to
    keys of their own at the same time is there."""
    machine.outside([SHUFFLE, "wild", 1, 8, 200]).expect()
    machine.outside([SHUFFLE, "tame", 1, threads, 0]).expect()
    before = host_snapshot(machine)
    for seed in seeds:
        name = f"shuffle-{seed}"
        machine.fvm("create", name).expect()
        wild = machine.popen_fvm(["run", name, "--", SHUFFLE, "wild", seed, threads, steps])
        machine.inside(name, [SHUFFLE, "tame", seed, threads, steps]).expect()
        out, err = wild.communicate(timeout=60)
        assert wild.returncode == 0 and out.decode().strip() == "wild done", out.decode() + err.decode()
        machine.inside(name, [SHUFFLE, "check", seed, threads, steps]).expect()
        assert r"HKCU\Software\Shuffle\thread 0" in machine.fvm("diff", name).expect().text
        machine.fvm("delete", name).expect()
    assert_unchanged(before, host_snapshot(machine))


def test_two_vms_and_the_host_change_the_same_key(machine):
    tags = ["one", "two", "host"]
    running = {}
    for tag in tags:
        command = [KEYS, "same", tag, *(other for other in tags if other != tag)]
        if tag != "host":  # a VM sees what the host has, if it has nothing of that name itself
            command.remove("host")
        running[tag] = machine.popen_fvm(["run", tag, "--", *command]) if tag != "host" else machine.popen(command)
    for tag, process in running.items():
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0 and f"{tag} done" in out.decode(), f"{tag}: {out.decode()}{err.decode()}"
    key = r"[HKEY_CURRENT_USER\Software\Keys\Same]"
    assert '"who"="host"' in export_outside(machine, r"HKCU\Software\Keys\Same")[key]
    for tag in ("one", "two"):
        assert f'"who"="{tag}"' in export_inside(machine, tag, r"HKCU\Software\Keys\Same")[key]
        machine.fvm("delete", tag).expect()


def ask(watcher):
    watcher.stdin.write(b"?\n")
    return watcher.stdout.readline().decode().strip()


def test_a_watch_tells_of_the_changes_of_its_own_vm(machine, unchanged):
    watcher = machine.popen_fvm(["run", "watched", "--", KEYS, "watch"], stdin=subprocess.PIPE)
    assert watcher.stdout.readline().strip() == b"ready"
    machine.inside("other", [KEYS, "touch", "other"]).expect()
    assert ask(watcher) == "not told"
    machine.inside("watched", [KEYS, "touch", "itself"]).expect()
    assert ask(watcher) == "told"
    watcher.communicate(timeout=30)
    for name in ("watched", "other"):
        machine.fvm("delete", name).expect()


def kill(machine, name, fvm, how, mark=f"change 0 {SEEDED}"):
    if how == "stop":
        machine.fvm("stop", name).expect()
        return
    programs = [pid for pid in machine.processes(mark) if pid != fvm.pid]
    for pid in {"program": programs, "fvm": [fvm.pid], "all": [fvm.pid, *programs]}[how]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_killed_writers_leave_a_readable_registry(machine, unchanged):
    """At random moments; afterwards every finished change is there, the next wholly or not at all, and the VM works on."""
    dice = random.Random(time.time_ns())
    end = time.monotonic() + KILL_SECONDS
    turns = 0
    while time.monotonic() < end:
        turns += 1
        name, how = f"killed-{turns}", dice.choice(["program", "fvm", "all", "stop"])
        fvm = machine.popen_fvm(["run", name, "--", KEYS, "change", 0, SEEDED])
        done = 0
        for _ in range(dice.choice([1, 2, 5, 20, 100])):
            done += bool(fvm.stdout.readline())
        time.sleep(dice.random() * 0.01)
        kill(machine, name, fvm, how)
        rest, _ = fvm.communicate(timeout=60)
        wait_until_gone(machine, f"change 0 {SEEDED}")
        done += rest.count(b"\n")
        machine.inside(name, [KEYS, "check", done, SEEDED]).expect()
        if done < SEEDED:
            more = min(done + 20, SEEDED)
            machine.inside(name, [KEYS, "change", done, more]).expect()
            machine.inside(name, [KEYS, "check", more, SEEDED]).expect()
        machine.fvm("diff", name).expect()
        machine.fvm("delete", name).expect()
    assert turns >= 3


@pytest.mark.parametrize("key", ["Shared", "New"])  # the host's, the VM's alone
def test_a_killed_rename_leaves_one_key(machine, unchanged, key):
    dice = random.Random(time.time_ns())
    for turn in range(8):
        how = dice.choice(["program", "all"])
        fvm = machine.popen_fvm(["run", "renaming", "--", KEYS, "rename", key])
        for _ in range(2 + turn):
            assert fvm.stdout.readline(), fvm.stderr.read()
        time.sleep(dice.random() * 0.01)
        kill(machine, "renaming", fvm, how, f"rename {key}")
        fvm.communicate(timeout=60)
        wait_until_gone(machine, f"rename {key}")
        machine.inside("renaming", [KEYS, "renamed", key]).expect()
        machine.fvm("delete", "renaming").expect()


def test_a_key_that_is_named_like_a_guard_stays(machine, unchanged):
    """When a VM is started, what a rename that was cut off left is looked for: that is the last record here."""
    machine.inside("guarded", [KEYS, "guarded"]).expect()
    for _ in range(2):
        machine.inside("guarded", ["cmd", "/c", "exit 0"]).expect()
        assert "Guarded\\m\\x01 fvm : value" in machine.fvm("diff", "guarded").expect().text
    machine.fvm("delete", "guarded").expect()


def wait_until_longer(path, than, seconds=20):
    end = time.monotonic() + seconds
    while path.stat().st_size <= than:
        assert time.monotonic() < end, "it does not go on"
        time.sleep(0.01)


def test_a_killed_rename_does_not_stop_others(machine, unchanged, tmp_path):
    """Who waits for the lock makes the map anew, from a journal that ends with that rename."""
    lines = tmp_path / "lines"
    with open(lines, "wb") as file:
        other = machine.popen_fvm(["run", "going-on", "--", KEYS, "rename", "Other"], stdout=file)
    wait_until_longer(lines, 0)
    for turn in range(12):
        name = f"New{turn}"
        fvm = machine.popen_fvm(["run", "going-on", "--", KEYS, "rename", name])
        for _ in range(2 + turn):
            assert fvm.stdout.readline(), fvm.stderr.read()
        kill(machine, "going-on", fvm, "program", f"rename {name}")
        fvm.communicate(timeout=60)
        wait_until_longer(lines, lines.stat().st_size)
        machine.inside("going-on", [KEYS, "renamed", name]).expect()
    machine.fvm("stop", "going-on").expect()
    other.wait(timeout=60)
    machine.fvm("delete", "going-on").expect()


def test_a_change_that_fails_copies_nothing(machine):
    outside = machine.outside([KEYS, "fail"]).expect().text
    assert machine.inside("failing", [KEYS, "fail"]).expect().text == outside
    assert [line for line in machine.fvm("log", "failing").expect().text.splitlines() if "copy-up" in line] == []
    machine.outside(["reg", "add", r"HKCU\Software\Keys\Seed\k0", "/v", "later", "/d", "seen", "/f"]).expect()
    inside = machine.inside("failing", ["reg", "query", r"HKCU\Software\Keys\Seed\k0"]).expect().text
    machine.outside(["reg", "delete", r"HKCU\Software\Keys\Seed\k0", "/v", "later", "/f"]).expect()
    assert "later" in inside
    machine.fvm("delete", "failing").expect()


# ---- handles of the host's ----

@pytest.mark.parametrize("way", ["inherited", "duplicated"])
def test_a_key_handle_of_the_host_changes_nothing_there(machine, unchanged, way):
    result = machine.outside([X64 / "apps" / "inherit.exe", way, windows(BUILD / "x64" / "fvm.exe"), f"handle-{way}"]).expect()
    assert "tried" in result.text
    machine.fvm("delete", f"handle-{way}").expect()


# ---- what lasts ----

def stored_keys(machine):
    return machine.outside(["reg", "query", r"HKCU\Software\FVM"])


def test_a_vm_survives_a_restart_of_the_system(machine):
    machine.inside("lasting", [KEYS, "change", 0, 40]).expect()
    before = machine.fvm("diff", "lasting").expect().text
    assert r"D HKCU\Software\Keys\Seed\k2" in before.splitlines()
    machine.stop()
    machine.start()
    machine.inside("lasting", [KEYS, "check", 40, SEEDED]).expect()
    assert machine.fvm("diff", "lasting").expect().text == before
    machine.fvm("delete", "lasting").expect()


def restart(*prefixes):
    for prefix in prefixes:
        prefix.stop()
        prefix.start()


@pytest.fixture
def both(machine, reference):
    """both(COMMAND, ...): the same outside and in the VM "both", with equal output."""
    def run(*command):
        outside, inside = reference.outside(command), machine.inside("both", command)
        assert (outside.code, outside.text) == (inside.code, inside.text)
        return inside

    yield run
    machine.fvm("delete", "both").expect()


def test_volatile_keys_last_until_the_system_restarts(machine, reference, both):
    """As outside: not until the VM's last program ends."""
    key, host, replaced = rf"{TOP}\Volatile", rf"{TOP}\Seed\k3", rf"{TOP}\Seed\k2"
    reference.outside([KEYS, "seed", 4]).expect()
    both("reg", "delete", replaced, "/f").expect()
    for name in ("Volatile", r"Seed\k3\volatile", r"Seed\k2"):
        both(KEYS, "volatile", name).expect()
    assert not machine.processes("keys.exe")
    assert both("reg", "query", key, "/s").expect().text.count("who") == 2
    assert both("reg", "query", host).expect().text.count("volatile") == 1
    assert both("reg", "query", replaced, "/s").expect().text.count("value0") == 0
    assert f"A {key}" in machine.fvm("diff", "both").expect().text.splitlines()
    restart(machine, reference)
    assert both("reg", "query", key).code == 1
    assert both("reg", "query", host).expect().text.count("volatile") == 0
    assert both("reg", "query", replaced).code == 1
    assert machine.fvm("diff", "both").expect().text.splitlines() == [f"D {replaced}"]
    both("reg", "add", key, "/v", "who", "/d", "again", "/f").expect()
    restart(machine, reference)
    assert both("reg", "query", key, "/s").expect().text.count("again") == 1


def test_changes_of_a_volatile_key_of_the_host_stay(machine, reference, both):
    """Nothing says that a key is volatile, so a copy of one is an ordinary key."""
    changed, untouched = rf"{TOP}\Changed", rf"{TOP}\Untouched"
    for prefix in (machine, reference):
        for name in ("Changed", "Untouched"):
            prefix.outside([KEYS, "volatile", name]).expect()
    both("reg", "add", changed, "/v", "added", "/d", "x", "/f").expect()
    assert both("reg", "query", changed, "/s").expect().text.count("who") == 2
    restart(machine, reference)
    assert both("reg", "query", untouched).code == 1
    assert reference.outside(["reg", "query", changed]).code == 1
    kept = machine.inside("both", ["reg", "query", changed, "/s"]).expect().text
    assert kept.count("added") == 1 and kept.count("who") == 1  # that of the key below is gone
    machine.inside("both", ["reg", "delete", changed, "/f"]).expect()
    assert both("reg", "query", changed).code == 1


def test_delete_leaves_no_keys(machine, unchanged):
    for name in ("gone", "stays"):
        machine.inside(name, [KEYS, "change", 0, 40]).expect()
    machine.fvm("delete", "gone").expect()
    names = re.findall(r"FVM\\(\w+)-", stored_keys(machine).expect().text)
    assert names == ["stays"]
    machine.fvm("delete", "stays").expect()
    assert stored_keys(machine).code == 1


def test_an_interrupted_delete_is_finished_later(machine, unchanged):
    for i, delay in enumerate([0, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15]):
        name = f"cut-{i}"
        machine.inside(name, [KEYS, "change", 0, SEEDED]).expect()
        fvm = machine.popen_fvm(["delete", name])
        time.sleep(delay)
        fvm.kill()
        fvm.communicate()
        names = machine.fvm("ls").expect().text  # any command
        if name in names:
            machine.inside(name, [KEYS, "check", SEEDED, SEEDED])
            machine.fvm("delete", name).expect()
        assert name not in machine.fvm("ls").expect().text
        assert stored_keys(machine).code == 1, stored_keys(machine).text
