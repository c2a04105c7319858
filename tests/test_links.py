"""Several names of one file: a change by one name is seen by every other, in a VM as outside, and none is a way out."""
import subprocess

import pytest

from harness.compare import assert_same_lines
from harness.seed import seed
from harness.snapshot import assert_unchanged, host_snapshot

# Drives that lead to what Unix has for devices, processes and settings, or into it; and a file of each.
DEVICE_DRIVES = {"r": "/proc/1", "s": "/proc", "t": "/proc/self", "u": "/dev", "v": "/sys/kernel"}
DEVICE_FILES = [r"R:\status", r"S:\version", r"S:\1\status", r"T:\status", r"U:\null", r"V:\uevent_seqnum"]

SEQUENCES = {
    "file link, changed by its target": ["echo more>>readme.txt", "type link-to-file.txt"],
    "file link, changed by the link": ["echo more>>link-to-file.txt", "type readme.txt"],
    "file link, listed": ["dir /b link-to-file.txt", "for %f in (link-to-file.txt) do @echo %~zf"],
    "directory link, changed by its target": ["echo more>>sub\\one.txt", "type link-to-sub\\one.txt"],
    "directory link, changed by the link": ["echo more>>link-to-sub\\one.txt", "type sub\\one.txt"],
    "directory link, file made": ["echo new>link-to-sub\\new.txt", "dir /b sub", "dir /b link-to-sub"],
    "directory link, file deleted": ["del sub\\one.txt", "dir /b link-to-sub", "type link-to-sub\\one.txt"],
    "directory link, listed": ["dir /s /b", "echo changed>new.txt", "dir /s /b", "attrib /d"],
    "hard link, changed by one name": ["echo more>>sub\\two.txt", "type sub\\two-linked.txt"],
    "hard link, one name deleted": ["del sub\\two.txt", "type sub\\two-linked.txt"],
    "hard link, changed, then deleted": ["echo more>>sub\\two.txt", "del sub\\two.txt", "type sub\\two-linked.txt",
                                         "echo again>>sub\\two-linked.txt", "dir /b sub"],
    "hard link, changed, then renamed": ["echo more>>sub\\two.txt", "ren sub\\two.txt new.txt",
                                         "echo again>>sub\\two-linked.txt", "type sub\\new.txt"],
    "hard link, renamed, then changed": ["ren sub\\two.txt new.txt", "echo more>>sub\\two-linked.txt",
                                         "type sub\\new.txt"],
    "hard link, changed by both": ["echo more>>sub\\two.txt", "echo more>>sub\\two-linked.txt", "type sub\\two.txt"],
    "hard link, name made again": ["del sub\\two.txt", "echo new>sub\\two.txt", "echo more>>sub\\two-linked.txt",
                                   "type sub\\two.txt", "type sub\\two-linked.txt"],
    "file link, target deleted": ["del readme.txt", "type link-to-file.txt", "dir /b link-to-file.txt"],
    "file link, target made again": ["del readme.txt", "echo new>readme.txt", "type link-to-file.txt"],
    "file link, listed after a change": ["echo more>>readme.txt", "for %f in (link-to-file.txt) do @echo %~zf"],
    "read before the other name is changed": [
        "echo more>>sub\\one.txt & type sub\\two-linked.txt link-to-file.txt & echo more>>sub\\two.txt & "
        "type sub\\two-linked.txt & echo more>>readme.txt & type link-to-file.txt"],
    "hard link, made in the VM": ["mklink /h hard.txt readme.txt", "echo more>>hard.txt", "type readme.txt"],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_links(name, machine, reference):
    vm = f"links-{list(SEQUENCES).index(name)}"
    for prefix in (machine, reference):
        seed(prefix.drive_c / vm)
    machine.fvm("create", vm).expect()
    before = host_snapshot(machine)
    outputs = [], []
    for command in SEQUENCES[name]:
        for run, output in zip((reference.outside, lambda c, **o: machine.inside(vm, c, **o)), outputs):
            result = run(["cmd", "/c", command], cwd=(reference if output is outputs[0] else machine).drive_c / vm)
            output.append(f"> {command}\n{result.text}{result.error}exit code {result.code}\n")
    assert_same_lines(*("".join(output) for output in outputs))
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", vm).expect()


@pytest.fixture
def other_machine(make_prefix):
    """For a test that changes its drives."""
    prefix = make_prefix()
    yield prefix
    prefix.remove()


def test_no_drive_leads_to_devices(other_machine):
    """Also not a drive that the host gets while the VM runs: then the same directories have other names than before."""
    drives = other_machine.prefix / "dosdevices"
    for letter, target in DEVICE_DRIVES.items():
        (drives / f"{letter}:").symlink_to(target)
    files = [name for name in DEVICE_FILES if (drives / name.lower().replace("\\", "/")).exists()]  # /sys may not be mounted
    reads = {name: ["cmd", "/c", "type", name] for name in [*files, r"Z:\proc\version", r"Q:\proc\version"]}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    holder = other_machine.popen_fvm(["run", "drives", "--", "cmd", "/c", "echo up & set /p line="], **pipes)
    assert holder.stdout.readline().strip() == b"up"
    answers = {name: other_machine.inside("drives", reads[name]) for name in [*files, r"Z:\proc\version"]}
    (drives / "q:").symlink_to("/")
    for name in [r"Q:\proc\version", r"Z:\proc\version"]:
        answers[name + " later"] = other_machine.inside("drives", reads[name])
    holder.communicate(b"\n", timeout=60)
    assert {name: (answer.code, answer.text) for name, answer in answers.items()} == dict.fromkeys(answers, (1, ""))
    for name, read in reads.items():
        other_machine.outside(read).expect()
    log = other_machine.fvm("log", "drives").expect().text
    assert log.count("refuse device") >= len(answers), log
    other_machine.fvm("delete", "drives").expect()
