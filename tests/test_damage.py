"""Damaged files of a VM, a full disk, a home that cannot be written: one clear line, a non-zero exit, nothing lost."""
import os
import subprocess

import pytest


def vm_directory(machine, name):
    return machine.fvm_home() / "vms" / name


def make_vm(machine, name):
    """A VM with two changes."""
    machine.fvm("create", name).expect()
    for word in ("one", "two"):
        machine.inside(name, ["cmd", "/c", f"echo {word}>C:\\{name}-{word}.txt"]).expect()
    return vm_directory(machine, name)


def one_line(result):
    lines = result.error.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("fvm: "), result.error
    return lines[0]


def test_journal_that_is_no_journal(machine):
    journal = make_vm(machine, "header") / "delta.log"
    journal.write_bytes(b"something else entirely")
    for command in (["run", "header", "--", "cmd", "/c", "ver"], ["diff", "header"]):
        result = machine.fvm(*command)
        assert result.code == 125 and "journal" in one_line(result)
    assert journal.read_bytes() == b"something else entirely"
    assert len(list((vm_directory(machine, "header") / "files" / "C").iterdir())) == 2


def test_journal_with_a_torn_end(machine):
    directory = make_vm(machine, "torn")
    journal = directory / "delta.log"
    journal.write_bytes(journal.read_bytes() + b"\x07" * 21)
    result = machine.inside("torn", ["cmd", "/c", "type C:\\torn-one.txt C:\\torn-two.txt"]).expect()
    assert "one" in result.text and "two" in result.text
    assert machine.fvm("diff", "torn").expect().text == "A C:\\torn-one.txt\nA C:\\torn-two.txt\n"


def test_journal_damaged_in_the_middle(machine):
    directory = make_vm(machine, "middle")
    journal = directory / "delta.log"
    whole = bytearray(journal.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    journal.write_bytes(whole)
    machine.inside("middle", ["cmd", "/c", "ver"]).expect()
    # what is behind the damage does not count, but it is not thrown away
    assert (directory / "delta.log.damaged").read_bytes() == bytes(whole)


def test_damaged_settings(machine):
    settings = make_vm(machine, "settings") / "vm.ini"
    settings.write_bytes(b"\x00\xff[[[=\n=\n" * 50)
    result = machine.fvm("run", "settings", "--", "cmd", "/c", "ver")
    if result.code:
        assert result.code == 125 and "vm.ini" in one_line(result)
    assert len(list((vm_directory(machine, "settings") / "files" / "C").iterdir())) == 2


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MiB; needs root."""
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path],
                                           stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("not applicable: cannot mount a file system here")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def home(path):
    return {"FVM_HOME": "Z:" + str(path).replace("/", "\\")}


def test_full_disk(machine, small_disk):
    big = machine.drive_c / "big.bin"
    big.write_bytes(b"b" * (3 << 20))
    machine.fvm("create", "full", env=home(small_disk)).expect()
    machine.fvm("run", "full", "--", "cmd", "/c", "echo small>C:\\small.txt", env=home(small_disk)).expect()
    result = machine.fvm("run", "full", "--", "cmd", "/c", "echo more>>C:\\big.bin", env=home(small_disk))
    assert result.code != 0 or "full" in result.text + result.error
    assert big.read_bytes() == b"b" * (3 << 20)
    assert "small" in machine.fvm("run", "full", "--", "cmd", "/c", "type C:\\small.txt",
                                  env=home(small_disk)).expect().text
    assert machine.fvm("diff", "full", env=home(small_disk)).expect().text == "A C:\\small.txt\n"
    big.unlink()


def test_read_only_home(machine, small_disk):
    machine.fvm("create", "locked", env=home(small_disk)).expect()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for command in (["create", "other"], ["run", "locked", "--", "cmd", "/c", "ver"], ["delete", "locked"]):
        result = machine.fvm(*command, env=home(small_disk))
        assert result.code == 125, (command, result.text, result.error)
        one_line(result)
