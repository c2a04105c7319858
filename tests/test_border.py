"""The border of a VM: what is named the same does not meet, and no way leads to a program outside."""
import os
import subprocess
import time

import pytest

from harness.paths import BUILD, CMAKE, X64
from harness.snapshot import assert_unchanged, host_snapshot

TARGET, BORDER, FOREIGN, RACES, GIVER, SINGLE, COUNTS = (
    X64 / "apps" / f"{name}.exe" for name in ("target", "border", "foreign", "races", "giver", "single", "counts"))
KINDS = ["mutex", "global-mutex", "event", "semaphore", "section", "job", "pipe", "mailslot", "file", "range"]
FEWEST_TECHNIQUES = {BORDER: 110, FOREIGN: 60, RACES: 15}
HOST_KEYS = [r"HKCU\Software\fvm-host-key", r"HKCU\Software\fvm-host-leaf"]
ARGUMENTS = {BORDER: 3, FOREIGN: 2, RACES: 1}
DENIED, TOO_LONG, NO_PRIVILEGE, NETWORK_PATH = "c0000022", "c0000106", "c0000061", "c00000be"
# Every kind of refusal in layer/objects and layer/processes that can come about on Wine, and its status.
REFUSALS = {
    BORDER: [("opening a process outside the VM", DENIED), ("opening a thread outside the VM", DENIED),
             ("console of a process outside the VM", DENIED),
             ("creating an object in a directory of the system", DENIED), ("pipe by way of the network", NETWORK_PATH),
             ("link with a target that is too long", TOO_LONG), ("pipe with a name that is too long", TOO_LONG),
             ("making an object permanent", "00000000")],
    FOREIGN: [("opening a process outside the VM", DENIED), ("opening a thread outside the VM", DENIED),
              ("console of a process outside the VM", DENIED), ("pipe by way of the network", NETWORK_PATH),
              ("console event for processes outside the VM", DENIED),
              ("image name of a process outside the VM", DENIED), ("parent outside the VM", DENIED),
              ("making a pipe by way of a link", DENIED), ("changing an object of the system", DENIED),
              ("loading a driver", NO_PRIVILEGE), ("more access to an object of the system", DENIED),
              ("not a Windows program", "c000012f")],
    RACES: [],
}
if X64.name == "x64":  # the 32-bit ntdll's way to it leads nowhere at all, without a word
    REFUSALS[FOREIGN].append(("starting a Unix program", DENIED))
SOAK_CYCLES = int(os.environ.get("SOAK", "100"))
INTACT = ["events 258 258", "connected 0", "letters 0", "memory host", "shared host", "suspended 0", "ran 0", "planted 0"]


def start(machine, where, command):
    """On the host (where is None) or in a VM; returns the process and its first line."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = machine.popen_fvm(["run", where, "--", *command], **pipes) if where else machine.popen(command, **pipes)
    return process, process.stdout.readline().decode().strip()


def end(process):
    out, err = process.communicate(b"\n", timeout=60)
    assert process.returncode == 0, err.decode()
    return out.decode().split("\r\n")[:-1]


def seed(machine):
    machine.unix(r"C:\fvm-host-file").write_text("host")
    for key in HOST_KEYS:
        machine.outside(["reg", "add", key, "/v", "kept", "/d", "host", "/f"]).expect()


@pytest.mark.parametrize("program", [BORDER, FOREIGN, RACES], ids=lambda path: path.stem)
@pytest.mark.parametrize("where", [None, "other"])
def test_nothing_reaches_a_program_outside(machine, where, program):
    seed(machine)
    target, line = start(machine, where, [TARGET])
    before = host_snapshot(machine)
    result = machine.inside("border", [program, *line.split()[:ARGUMENTS[program]]]).expect()
    assert end(target) == INTACT
    assert_unchanged(before, host_snapshot(machine))
    lines = result.text.splitlines()
    assert [line for line in lines if not line.startswith("blocked: ")] == []
    assert len(lines) >= FEWEST_TECHNIQUES[program]
    log = machine.fvm("log", "border").expect().text
    assert [row for row in REFUSALS[program] if f" refuse {row[0]} ({row[1]}): " not in log] == []
    machine.fvm("delete", "border").expect()
    assert [name for name in counts(machine) if "FVM." in name] == []


@pytest.mark.parametrize("program", [BORDER, FOREIGN, RACES], ids=lambda path: path.stem)
def test_the_techniques_work_without_a_vm(machine, program):
    """Tests that cannot fail are none: on the host, most of these do reach the target."""
    seed(machine)
    target, line = start(machine, None, [TARGET])
    result = machine.outside([program, *line.split()])
    target.communicate(b"\n", timeout=60)
    unseen = 5 if program == RACES else 0
    assert result.text.count("ESCAPED: ") >= (FEWEST_TECHNIQUES[program] - unseen) // 2, result.text
    if program == RACES:
        key = machine.outside(["reg", "query", HOST_KEYS[0]]).expect().text
        assert '    planted    ' in key and 'planted-' in key and 'kept' not in key, key
        machine.outside(["reg", "query", HOST_KEYS[1]]).expect(1)


def test_no_handle_of_the_host_comes_along(machine):
    """A program outside gives fvm.exe handles of its own process and objects, one of them as standard input."""
    target, line = start(machine, None, [TARGET])
    command = [FOREIGN, *line.split()[:2]]
    given = machine.outside([GIVER, *command, "harmless"]).expect()
    result = machine.outside([GIVER, BUILD / "x64" / "fvm.exe", "run", "--rm", "given", "--", *command]).expect()
    end(target)
    assert given.text.count("ESCAPED: inherit a handle") == 3, given.text
    assert [line for line in result.text.splitlines() if not line.startswith("blocked: ")] == []
    assert "blocked: inherit a handle of a process" in result.text


def test_same_names_on_the_host_and_in_two_vms(machine):
    """Each creates objects of every type under the same names, and fails if there is one already."""
    targets = [start(machine, where, [TARGET]) for where in (None, "one", "two")]
    for _, line in targets:
        assert len(line.split()) == 3, line
    for process, _ in targets:
        assert end(process) == INTACT


@pytest.mark.parametrize("kind", KINDS)
def test_single_instance_programs_run_once_everywhere(machine, kind):
    directory = r"C:\single"
    machine.unix(directory).mkdir(exist_ok=True)
    command = [SINGLE, kind, directory]
    running = []
    for where in (None, "one", "two"):
        process, line = start(machine, where, command)
        running.append(process)
        assert line == "first", f"{kind} {where}"
    for where in (None, "one", "two"):
        process, line = start(machine, where, command)
        process.communicate(timeout=60)
        assert line == "second", f"{kind} {where}"
    for process in running:
        end(process)


def test_a_lock_of_a_file_that_is_only_read_is_the_vms(machine):
    """The host has it locked; the VM locks it too, closes it without unlocking, and locks it again."""
    directory = r"C:\locked"
    machine.unix(directory).mkdir()
    machine.unix(directory + r"\range").write_text("content")
    host, line = start(machine, None, [SINGLE, "range", directory])
    assert line == "first"
    process, line = start(machine, None, [SINGLE, "range-at-last", directory])
    assert line == "second"
    process.communicate(timeout=60)
    process, line = start(machine, "reading", [SINGLE, "no-range", directory])
    assert line == "first"
    gone = machine.inside("reading", ["cmd", "/c", rf"ren {directory}\range moved & del {directory}\moved & dir /b {directory}"])
    assert gone.text.split() == []
    machine.inside("reading", ["cmd", "/c", rf"echo new>{directory}\range"]).expect()
    end(process)
    machine.fvm("delete", "reading").expect()
    process, line = start(machine, "reading", [SINGLE, "range-at-last", directory])
    assert line == "first"
    end(process)
    end(host)


@pytest.mark.parametrize("killed", [False, True])
def test_a_drive_letter_lives_as_long_as_the_vm(machine, killed):
    """It outlives the program that defined it, not the VM's last program; after a kill it goes with the VM."""
    kept, line = start(machine, "letter", [SINGLE, "mutex"])
    defining, line = start(machine, "letter", [SINGLE, "drive"])
    assert line == "first"
    end(defining)
    for where, expected in (("letter", "second"), ("another", "first"), (None, "first")):
        process, line = start(machine, where, [SINGLE, "drive"])
        assert line == expected, where
        process.communicate(b"\n", timeout=60)
    machine.outside([SINGLE, "no-drive"]).expect()
    if killed:
        kept.kill()
        kept.wait()
    else:
        end(kept)
        process, line = start(machine, "letter", [SINGLE, "drive"])
        assert line == "first"
        end(process)
    for vm in ("letter", "another"):
        machine.fvm("stop", vm).expect()
        machine.fvm("delete", vm).expect()
    assert [name for name in counts(machine) if "FVM." in name] == []


LOCKING_SCRIPT = r"""
file(LOCK C:/profile DIRECTORY GUARD PROCESS TIMEOUT 0 RESULT_VARIABLE result)
if(NOT result STREQUAL "0")
  message(FATAL_ERROR "second")
endif()
message("first")
execute_process(COMMAND cmd /c "set /p line=")
"""


def test_a_real_program_that_locks_its_directory(machine):
    """CMake, as programs with a profile do: who comes second is refused; on the host, and in each VM."""
    machine.unix(r"C:\profile").mkdir()
    machine.unix(r"C:\lock.cmake").write_text(LOCKING_SCRIPT)
    command = [CMAKE, "-P", r"C:\lock.cmake"]
    places, running = (None, "one", "two"), []

    def run(where):
        pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
        if where:
            return machine.popen_fvm(["run", where, "--", *command], **pipes)
        return machine.popen(command, **pipes)

    for where in places:
        running.append(run(where))
        assert running[-1].stderr.readline() == b"first\n", where
    for where in places:
        _, error = run(where).communicate(b"\n", timeout=60)
        assert b"second" in error and b"first" not in error, where
    for process in running:
        assert process.communicate(b"\n", timeout=60) == (b"", b"")
        assert process.returncode == 0


def counts(machine):
    """What the system holds. When the server has let go of ended processes and of their jobs, which it does a little later."""
    deadline = time.monotonic() + 30
    while True:
        now = dict(line.rsplit(" ", 1) for line in machine.outside([COUNTS]).expect().text.splitlines())
        if not any("FVM." in name for name in now) or time.monotonic() > deadline:
            return now
        time.sleep(0.5)


def holdings(machine):
    """The host as a table of figures: what the system holds, its server, and all files and keys, FVM's own included."""
    server = machine.server()
    keys = machine.save_registry(machine.directory / "registry")
    return {
        **counts(machine),
        "server's descriptors": len(list((server / "fd").iterdir())),
        "files": sum(len(names) + len(files) for top in (machine.drive_c, machine.home) for _, names, files in os.walk(top)),
        "keys": sum(line.startswith("[") for text in keys.values() for line in text.splitlines()),
    }


def server_memory(machine):
    """KiB."""
    (line,) = [line for line in (machine.server() / "status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


def test_soak(machine):
    """After many cycles of create, run and delete the host has what it had before. SOAK=2000 for the whole; make soak."""

    def cycle(name):
        machine.fvm("create", name).expect()
        machine.fvm("run", name, "--", SINGLE, "mutex", input=b"\n").expect()
        machine.fvm("delete", name).expect()

    cycle("soak")
    before, system, memory = host_snapshot(machine), holdings(machine), server_memory(machine)
    for i in range(SOAK_CYCLES):
        cycle(f"soak{i}")
    after = holdings(machine)
    for name in system.keys() | after.keys():
        print(f"{name}: {system.get(name)} before, {after.get(name)} after")
    print(f"server's memory: {memory} KiB before, {server_memory(machine)} KiB after {SOAK_CYCLES} cycles")
    assert after.pop("server's descriptors") <= system.pop("server's descriptors")  # those of ended processes go later
    assert after == system
    assert_unchanged(before, host_snapshot(machine))


LISTS = X64 / "apps" / "lists.exe"


def test_lists_of_the_system_leave_nothing_of_the_host(machine):
    """Neither in the list nor in the memory around it; and a list fits into as many bytes as it says."""
    target, line = start(machine, None, [TARGET])
    outside = machine.outside([LISTS, line.split()[0]]).expect().text.splitlines()
    inside = machine.inside("lists", [LISTS, line.split()[0]]).expect().text.splitlines()
    assert end(target) == INTACT
    assert [line for line in inside if not line.startswith(("blocked: ", "a byte less: "))] == []
    assert inside.count("a byte less: c0000004") == 4, inside
    seen = [line for line in outside if line.startswith("ESCAPED: see it")]
    assert len(seen) >= 8, outside  # else there would be nothing to hide


def test_no_raw_disk_comes_along(machine):
    """The same giver has a disk and a volume open to be inherited."""
    target, line = start(machine, None, [TARGET])
    command = [FOREIGN, *line.split()[:2]]
    given = machine.outside([GIVER, *command, "harmless"]).expect()
    result = machine.outside([GIVER, BUILD / "x64" / "fvm.exe", "run", "--rm", "disks", "--", *command]).expect()
    end(target)
    assert "ESCAPED: inherit a raw disk or volume" in given.text
    assert "blocked: inherit a raw disk or volume" in result.text


def security_of_the_hosts_key(machine):
    return machine.outside([RACES, "security"]).expect().text


def test_keys_that_change_places_with_the_hosts(machine):
    """Security, hives and names; the snapshot has no security, so that is asked for."""
    seed(machine)
    before, rights = host_snapshot(machine), security_of_the_hosts_key(machine)
    texts = [machine.inside("places", [RACES, "0", which]).expect().text for which in ("keys", "names")]
    assert_unchanged(before, host_snapshot(machine))
    assert security_of_the_hosts_key(machine) == rights != "\n"
    assert "".join(texts).count("blocked: ") == 6
    machine.fvm("delete", "places").expect()
    machine.outside([RACES, "0", "keys"]).expect()  # without a VM these do reach it
    assert security_of_the_hosts_key(machine) != rights
