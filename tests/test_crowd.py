"""Many at once: in one VM, and in two VMs and on the host."""
import shutil
import subprocess

from harness.paths import X64
from harness.snapshot import assert_unchanged, host_snapshot

HAMMER, MANY = (X64 / "apps" / f"{name}.exe" for name in ("hammer", "many"))
PROCESSES = 8  # of 16 threads each


def fill(directory):
    directory.mkdir(parents=True)
    (directory / "shared.log").write_text("host\n")
    (directory / "stable.txt").write_text("stable")
    for i in range(7):
        (directory / f"contested-{i}.txt").write_text("host")
    for i in range(8):
        (directory / f"same-{i}.txt").write_text("host")


def test_threads_and_processes_in_one_vm(machine):
    fill(machine.unix(r"C:\hammer"))
    before = host_snapshot(machine)
    machine.inside("hammer", [HAMMER, "spawn", r"C:\hammer", PROCESSES]).expect()
    machine.inside("hammer", [HAMMER, "verify", r"C:\hammer", PROCESSES]).expect()
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", "hammer").expect()


def test_two_vms_and_the_host_write_the_same_files(machine):
    directory = machine.unix(r"C:\same")
    fill(directory)
    writers = {tag: machine.popen_fvm(["run", tag, "--", HAMMER, "same", r"C:\same", tag]) for tag in ("one", "two")}
    writers["host"] = machine.popen([HAMMER, "same", r"C:\same", "host"])
    for tag, process in writers.items():
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"{tag}: {out.decode()}{err.decode()}"
        assert f"{tag} done" in out.decode()
    for i in range(8):
        name = f"same-{i}.txt"
        assert (directory / name).read_text().startswith("host ")
        for tag in ("one", "two"):
            seen = machine.inside(tag, ["cmd", "/c", "type", f"C:\\same\\{name}"]).expect()
            assert seen.text.split()[0] == tag, f"{name} in {tag}: {seen.text}"
    for tag in ("one", "two"):
        machine.fvm("delete", tag).expect()


def test_more_changes_than_the_first_map_holds(machine):
    """Four writers at once outgrow the map; another program of the same session, a second `fvm run` of the
    running VM, and a later session see every change."""
    directory, count = machine.unix(r"C:\many"), 4_000
    for i in range(count):
        file = directory / f"{i // 50}/f{i} with a name that takes up room in the map of changes"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("old")
    before = host_snapshot(machine)
    check, expected = [MANY, "check", r"C:\many", count], f"{count} changed, {count} made"
    early = machine.popen_fvm(["run", "many", "--", MANY, "check", r"C:\many", 1], stdin=subprocess.PIPE)
    assert early.stdout.readline().decode().strip() == "0 changed, 0 made"  # this one keeps the VM running throughout
    writers = [machine.popen_fvm(["run", "many", "--", MANY, "make", r"C:\many", part * count // 4, count // 4])
               for part in range(4)]
    for writer in writers:
        out, err = writer.communicate(timeout=300)
        assert writer.returncode == 0, out.decode() + err.decode()
    for _ in range(2):
        assert machine.inside("many", check).expect().text.strip() == expected
        if early:
            early.communicate(b"\n")
            early = None
    assert len(machine.fvm("diff", "many").expect().text.splitlines()) == 2 * count
    assert_unchanged(before, host_snapshot(machine))
    machine.fvm("delete", "many").expect()
    shutil.rmtree(directory)


def test_several_runs_make_one_vm(machine):
    for _ in range(3):
        runs = [machine.popen_fvm(["run", "made", "--", "cmd", "/c", f"exit {i}"]) for i in range(PROCESSES)]
        for i, run in enumerate(runs):
            out, err = run.communicate(timeout=120)
            assert run.returncode == i, out.decode() + err.decode()
        machine.fvm("delete", "made").expect()
