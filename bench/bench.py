#!/usr/bin/python3
"""make bench: how much a VM costs, as ratios to the same thing without one, measured in turns in one run.

Prints a table with the bar that each row should meet. Fails only if something could not be measured.
"""
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from harness.keys import large_reg  # noqa: E402
from harness.paths import BUILD, CMAKE, NINJA, SEVEN_ZIP, X64, windows  # noqa: E402
from harness.wine import Prefix  # noqa: E402
from test_apps import CMAKE_PROJECT  # noqa: E402

RUNS = int(os.environ.get("BENCH_RUNS", "9"))
BENCH = X64 / "bench"
OUTSIDE = BUILD / "x64" / "bench"  # what starts VMs is a 64-bit program, whatever runs in them
NOISE = 0.03
rows = []


def row(what, measured, bar, ok, detail=""):
    rows.append((what, measured, bar, ok))
    print(f"{'ok  ' if ok else 'MISS'}  {what:<66} {measured:>9}  {bar:<16} {detail}", flush=True)


def ratio_row(what, plain, vm, bar, unit=1000, name="ms"):
    ratio = median(vm) / median(plain)
    row(what, f"{ratio:.3f}", f"at most {bar:.2f}", ratio <= bar + (NOISE if bar == 1 else 0),
        f"{median(plain) * unit:.2f} -> {median(vm) * unit:.2f} {name}")


def timed(action):
    start = time.perf_counter()
    result = action()
    taken = time.perf_counter() - start
    result.expect()
    return taken


def in_turns(plain, vm, runs=RUNS):
    """Medians are robust against a disturbance, turns against a drift; each goes first every other time."""
    samples = [], []
    for i in range(runs + 1):
        for action, kept in ((plain, samples[0]), (vm, samples[1]))[:: 1 if i % 2 else -1]:
            kept.append(action())
    return [kept[1:] for kept in samples]  # the first of each warms up


@contextlib.contextmanager
def on_one_processor(machine):
    """What starts now, and the server: else it is luck whether these two share one, which makes a request take half or twice the time."""
    before = os.sched_getaffinity(0)
    pids = [0, int(machine.server().name)]
    try:
        for pid in pids:
            os.sched_setaffinity(pid, {max(before)})
        yield
    finally:
        for pid in pids:
            os.sched_setaffinity(pid, before)


def in_rounds(machine, vm, command, rounds, pairs=9):
    """Times of what takes microseconds: a program outside and one inside run at the same time, and a line to their standard
    input lets them measure one round, in turns. How memory is laid out is the luck of a process, so there are some pairs of them."""
    samples = {}, {}
    for pair in range(pairs):
        both = machine.popen(command, stdin=subprocess.PIPE), machine.popen_fvm(["run", vm, "--", *command],
                                                                               stdin=subprocess.PIPE)
        for i in range(-1, rounds // pairs + (pair < rounds % pairs)):  # the first warms up
            for process, kept in list(zip(both, samples))[:: 1 if i % 2 else -1]:
                process.stdin.write(b"\n")
                process.stdin.flush()
                line = process.stdout.readline().decode()
                assert line, "the program ended"
                for key, value in re.findall(r"(\w+) ([\d.]+)", line) if i >= 0 else ():
                    kept.setdefault(key, []).append(float(value))
        for process in both:
            process.stdin.close()
            process.wait()
    return samples


def bench_start(machine):
    machine.fvm("create", "start").expect()
    output = machine.outside([OUTSIDE / "start.exe", windows(BENCH / "small.exe"), "start", 3 * RUNS + 1]).expect().text
    pairs = [tuple(map(float, line.split())) for line in output.splitlines()][1:]
    ratio_row("start to exit of a small program in an existing VM", *zip(*pairs), 1.3)


def overlay_run(machine, work):
    """What one would do otherwise: an overlay on the prefix, thrown away afterwards. Needs root."""
    for name in ("upper", "work", "merged"):
        (work / name).mkdir(parents=True)
    start = time.perf_counter()
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={machine.prefix},upperdir={work}/upper,workdir={work}/work", f"{work}/merged"],
                   check=True, stderr=subprocess.PIPE)
    env = {**machine.env, "WINEPREFIX": f"{work}/merged"}
    try:
        machine.outside([BENCH / "small.exe"], env=env).expect()
        return time.perf_counter() - start
    finally:
        subprocess.run(["wineserver", "-k"], env=env)
        subprocess.run(["wineserver", "-w"], env=env)
        subprocess.run(["umount", f"{work}/merged"])


def bench_end_to_end(machine):
    plain, vm = in_turns(lambda: timed(lambda: machine.outside([BENCH / "small.exe"])),
                         lambda: timed(lambda: machine.fvm("run", "--rm", "--", BENCH / "small.exe")))
    ratio_row("fvm run --rm, end to end, against the plain program", plain, vm, 3.0)
    what = "an overlay on the prefix with a fresh wineserver, against fvm run --rm"
    try:
        overlays = [overlay_run(machine, machine.directory / f"overlay{i}") for i in range(3)]
    except (subprocess.CalledProcessError, PermissionError):
        print(f"--    {what}: overlays cannot be mounted here")
        return
    ratio = median(overlays) / median(vm)
    row(what, f"{ratio:.1f}", "at least 10.0", ratio >= 10,
        f"{median(overlays) * 1000:.2f} against {median(vm) * 1000:.2f} ms")


def bench_files(machine):
    top = machine.unix(r"C:\bench")
    (top / "many").mkdir(parents=True)
    (top / "file").write_bytes(b"x" * 100)
    for i in range(1000):
        (top / f"many/entry number {i}.txt").touch()
    with on_one_processor(machine):
        plain, vm = in_rounds(machine, "files", [BENCH / "files.exe", "run", r"C:\bench"], 10 * RUNS)
    assert plain["entries"][0] == vm["entries"][0] == 1002
    for key, what, bar, count in [("open", "open and close of an untouched host file", 1.10, 1000),
                                  ("transfer", "read and write of an open file", 1.00, 20000),
                                  ("list", "list an untouched directory of 1,000 entries", 1.05, 5)]:
        ratio_row(what, plain[key], vm[key], bar, 1e6 / count, "µs")


def bench_objects(machine):
    with on_one_processor(machine):
        plain, vm = in_rounds(machine, "objects", [BENCH / "objects.exe", windows(BENCH / "small.exe")], 100)
    for key, what, bar, count in [("event", "create, open and close of a named event", 1.15, 300),
                                  ("mutex", "create, open and close of a named mutex", 1.15, 300),
                                  ("section", "create, open and close of a named section", 1.15, 300),
                                  ("pipe", "ping-pong over a named pipe, 100,000 round trips", 1.02, 1000),
                                  ("process", "process creation from a process in a VM", 1.3, 1)]:
        ratio_row(what, plain[key], vm[key], bar, 1e6 / count, "µs")


@contextlib.contextmanager
def crowd(machine):
    """99 VMs that run."""
    others = [machine.popen_fvm(["run", f"crowd{i}", "--", BENCH / "files.exe", "wait"], stdin=subprocess.PIPE)
              for i in range(99)]
    try:
        for other in others:
            assert other.stdout.readline().strip() == b"ready"
        yield
    finally:
        for other in others:
            other.stdin.close()
        for other in others:
            other.wait()


def bench_crowd(machine):
    """The same VM started with no other one running, and with 99 others."""

    def runs():
        return [timed(lambda: machine.inside("hundredth", [BENCH / "small.exe"])) for _ in range(RUNS // 2)]

    with on_one_processor(machine):
        runs()
        alone, crowded = [], []
        for _ in range(5):
            alone += runs()
            with crowd(machine):
                crowded += runs()
    ratio_row("start of the 100th simultaneously running VM against the first", alone, crowded, 1.2)


def bench_applications(machine):
    top = machine.unix(r"C:\apps")
    for i in range(10_000):
        path = top / f"small/{i % 100}/{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file number {i}\n" * (i % 40))
    project = top / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(CMAKE_PROJECT)
    (project / "greeting.txt.in").write_text("hello from @PROJECT_NAME@\n")

    for what, command in [
        ("7-Zip of 10,000 small files", ["cmd", "/c", "del /q out.7z 2>nul & " + windows(SEVEN_ZIP) +
                                         " a -bd -mx1 out.7z small >nul"]),
        ("CMake and Ninja build", ["cmd", "/c", f"(if exist build rd /s /q build) & {windows(CMAKE)} -G Ninja -S project "
                                   f"-B build -DCMAKE_MAKE_PROGRAM={windows(NINJA)} >nul && "
                                   f"{windows(NINJA)} -C build -j1 >nul"]),
    ]:
        plain, vm = in_turns(lambda: timed(lambda: machine.outside(command, cwd=top)),
                             lambda: timed(lambda: machine.inside("apps", command, cwd=top)))
        ratio_row(what, plain, vm, 1.05)


def bench_registry(machine):
    with on_one_processor(machine):
        registry_rows(machine)


def registry_rows(machine):
    program = BENCH / "registry.exe"
    machine.outside([program, "seed"]).expect()

    def values(result):
        return {key: float(value) for key, value in re.findall(r"^(\w+) ([\d.]+)", result.expect().text, re.MULTILINE)}

    def turns(vm):
        return in_turns(lambda: values(machine.outside([program, "5"])),
                        lambda: values(machine.inside(vm, [program, "5"])))

    plain, vm = turns("keys")
    for key, what, bar in [("open", "open, query and close of an untouched key", 1.10),
                           ("enumerate", "enumerate an untouched key with 5,000 subkeys", 1.05)]:
        ratio_row(what, [p[key] for p in plain], [v[key] for v in vm], bar, 1, "µs")
    machine.inside("keys", [program, "add"]).expect()
    plain, vm = turns("keys")
    for key, what, bar in [("enumerate", "enumerate it after the VM added one subkey", 1.3),
                           ("open", "open, query and close of an untouched key, in a VM with changes", 1.10)]:
        ratio_row(what, [p[key] for p in plain], [v[key] for v in vm], bar, 1, "µs")
    writes = []
    for i in range(RUNS):
        writes.append(values(machine.inside(f"write{i}", [program, "write"]))["write"] / 1000)
        machine.fvm("delete", f"write{i}").expect()
    row("first write to a key with 5,000 subkeys", f"{median(writes):.2f} ms", "at most 10 ms", median(writes) <= 10)
    large_reg(machine.unix(r"C:\large.reg"))
    command = ["reg", "import", r"C:\large.reg"]
    delete = ["reg", "delete", r"HKCU\Software\Import", "/f"]

    def emptied(run):
        taken = timed(lambda: run(command))
        run(delete).expect()
        return taken

    plain, vm = in_turns(lambda: emptied(machine.outside), lambda: emptied(lambda c: machine.inside("import", c)), 3)
    ratio_row("reg import of 10,000 keys with 100,000 values", plain, vm, 1.3)


def private_memory(process, machine, name):
    """Bytes that a process has for itself alone. Under fvm, the process is another than the one that was started."""
    assert process.stdout.readline().strip() == b"ready"
    candidates = (Path(f"/proc/{pid}") for pid in machine.processes(name))
    own = next(process for process in candidates if name in (process / "cmdline").read_text().split("\0")[0])
    text = (own / "smaps_rollup").read_text()
    process.stdin.close()
    process.wait()
    return 1024 * sum(int(size) for size in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE))


def bench_memory(machine):
    command = [BENCH / "files.exe", "wait"]
    plain, vm = in_turns(
        lambda: private_memory(machine.popen(command, stdin=subprocess.PIPE), machine, "files.exe"),
        lambda: private_memory(machine.popen_fvm(["run", "memory", "--", *command], stdin=subprocess.PIPE), machine,
                               "files.exe"))
    added = median(vm) - median(plain)
    row("private memory that the layer adds to a process", f"{added / 1024:.0f} KiB", "at most 1024 KiB",
        added <= 1 << 20, f"{median(plain) // 1024:.0f} -> {median(vm) // 1024:.0f} KiB")


def main():
    benches = [bench_start, bench_end_to_end, bench_files, bench_objects, bench_registry, bench_crowd, bench_memory,
               bench_applications]
    if len(sys.argv) > 1:  # some of them: start files ...
        benches = [bench for bench in benches if bench.__name__.removeprefix("bench_") in sys.argv[1:]]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fvm-bench-") as directory:
        machine = Prefix.create(Path(directory) / "machine").start()
        try:
            for bench in benches:
                try:
                    bench(machine)
                except AssertionError as error:
                    print(f"{bench.__name__} could not be measured: {error}", file=sys.stderr)
                    failed += 1
        finally:
            machine.stop()
    missed = sum(not ok for *_, ok in rows)
    print(f"medians of {RUNS} or more, in turns; {len(rows) - missed} of {len(rows)} bars met")
    return 1 if failed else 0


sys.exit(main())
