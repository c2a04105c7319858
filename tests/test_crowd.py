"""Many at once: in one VM, and in two VMs and on the host."""
from harness.paths import X64
from harness.snapshot import assert_unchanged, host_snapshot

HAMMER = X64 / "apps" / "hammer.exe"
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
