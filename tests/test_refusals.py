"""Every refusal is in the event log, with what was tried, the status that the program got, and the name."""
import os
import re
import subprocess

from harness.paths import ROOT, X64
from test_border import REFUSALS as BORDER_REFUSALS

REFUSED, NOT_FOUND, TOO_LONG, NO_PRIVILEGE = "c0000022", "c0000034", "c0000106", "c0000061"
HOME = r"C:\users\*\FVM"
USER = r"User\*"

SHARED_DATA = r"KernelObjects\__wine_user_shared_data"

# What tests/apps/refusals.c provokes, as the log has it: why, status, name (* is anything).
PROVOKED = [
    ("FVM's own files", NOT_FOUND, HOME),
    ("FVM's own files", REFUSED, HOME + r"\new"),
    ("FVM's own files", NOT_FOUND, HOME + r"\asked"),
    ("FVM's own files", NOT_FOUND, HOME + r"\hive"),
    ("FVM's own files", NOT_FOUND, HOME + r"\started.exe"),
    ("device", REFUSED, r"\Device\PhysicalMemory"),
    ("device", REFUSED, r"Z:\dev\null"),
    ("device", REFUSED, r"Z:\dev\zero"),
    ("device", REFUSED, r"Z:\dev\full"),
    ("device", "c0000033", r"\??\pipe\started"),
    ("reading and writing a raw volume", "00000000", "C:\\"),
    ("pipe by way of the network", "c00000be", r"\\localhost\pipe\opened"),
    ("pipe by way of the network", "c00000be", r"\\localhost\pipe\asked"),
    ("pipe by way of the network", "c00000be", r"\\localhost\pipe\started"),
    ("pipe by way of the network", "c00000be", r"\\localhost\pipe\loaded"),
    ("change of a volume", REFUSED, r"C:\refusals\file.txt"),
    ("making a link", REFUSED, r"C:\refusals\file.txt"),
    ("change of a drive letter or mount point", REFUSED, ""),
    ("credentials of the host", "c00000bb", ""),
    ("name", "c0000033", r"\??\unix*/refusals/co:lon"),
    ("name that is too long", TOO_LONG, r"\??\unix\aaa*"),
    ("cannot copy", "c00000ba", r"C:\refusals\obstacle.txt"),
    ("other names of the file keep its old content", "c00000bb", r"C:\refusals\two names.txt"),
    ("directory of the host's objects", REFUSED, r"\BaseNamedObjects"),
    ("name in a directory of the system that is too long", TOO_LONG, r"KernelObjects\aaa*"),
    ("changing an object of the system", REFUSED, SHARED_DATA),
    ("changing an object of the system", "00000000", SHARED_DATA),
    ("more access to an object of the system", REFUSED, "\\" + SHARED_DATA),
    ("creating an object in a directory of the system", REFUSED, r"KernelObjects\fvm-new"),
    ("creating an object in a directory of the system", REFUSED, r"\KernelObjects"),
    ("changing an object of the system", REFUSED, r"\KernelObjects"),
    ("changing an object of the system", "00000000", r"\??\C:"),
    ("changing an object of the system", REFUSED, r"\??\C:"),
    ("name that cannot be followed", TOO_LONG, r"\BaseNamedObjects\fvm-loop\x"),
    ("waiting for a pipe with a name that is too long", TOO_LONG, "ppp*"),
    ("the same attribute twice", "c000000d", ""),
    ("no layer for this machine type", "c0000359", r"C:\refusals\alien.exe"),
    ("loading a driver", NO_PRIVILEGE, r"\Registry\Machine\System\CurrentControlSet\Services\fvm-driver"),
    ("FVM's own keys", NOT_FOUND, USER + r"\Software\FVM"),
    ("FVM's own keys", REFUSED, USER + r"\Software\FVM\hive"),
    ("key at the root", REFUSED, "fvm-root"),
    ("key at the root", REFUSED, "fvm-hive"),
    ("name of a key", REFUSED, r"\Registry\User\\*"),
    ("handle that became another key's", "c0000008", r"User\*\Software\Wine"),
    ("transaction on a key", "c0000002", ""),
    ("watch on further keys", "00000000", ""),
    ("giving a key away", "c000005a", USER + r"\fvm-given"),
    ("load of a hive", REFUSED, r"Machine\fvm-loaded"),
    ("unload of a hive", NO_PRIVILEGE, r"Machine\Software"),
    ("handle of FVM's own", "c0000008", ""),
]

# The same by services that not every Wine has: what the program says when there is one, and the row.
PROVOKED_WITH = {"make it permanent": ("making an object permanent", NO_PRIVILEGE, "")}

NOT_ON_WINE_8 = "Wine 8 has not the service"
# What no test provokes, with the reason.
NOT_PROVOKED = {
    "delta map is full": "takes more names than a test can make; tests/unit has a full map",
    "process table": "takes 4,096 processes",
    "no layer in the VM's memory": "takes a program that damages the memory of its VM",
    "parameters that cannot be read": "takes a system that lets nobody read what it just made",
    "copy of a process": NOT_ON_WINE_8,
    "boundary that is too long": NOT_ON_WINE_8,
    "port outside the VM": "Wine's ports are stubs",
    "port with a name that is too long": "Wine's ports are stubs",
    "save of merged keys": NOT_ON_WINE_8,
    "restore of a key": "Wine's service does nothing, which is let",
    "replacement of a hive": "Wine's service does nothing, which is let",
    "count of open keys": NOT_ON_WINE_8,
    "list of open keys": NOT_ON_WINE_8,
    "lock of the registry": NOT_ON_WINE_8,
    "compaction of keys": NOT_ON_WINE_8,
    "compression of a hive": NOT_ON_WINE_8,
    "start of the registry": NOT_ON_WINE_8,
    "freezing of the registry": NOT_ON_WINE_8,
    "thawing of the registry": NOT_ON_WINE_8,
    "lock of the keys of product activation": NOT_ON_WINE_8,
}
if X64.name == "x86":
    NOT_PROVOKED["starting a Unix program"] = "the 32-bit ntdll's way to it leads nowhere at all, without a word"
# Functions of the layer that log a refusal, and those that hand the reason on to one.
LOGGING = ["log_refusal", "process_refuse", "change_refuse", "refuse", "refuse_unless_empty", "give"]
# Files where the reason is not written out in the call. join.c logs the step of entering that failed, which none does here.
HANDED_ON = {"layer.h", "log.c", "processes/border.c", "processes/processes.h", "processes/join.c", "files/change.h",
             "files/control.c", "registry/hive.c"}


def calls(text, function):
    """The arguments of each call."""
    for match in re.finditer(rf"\b{function}\(", text):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield text[match.end():at - 1]


def reasons():
    """Every reason in the layer, and the files where a reason is not written out in the call."""
    found, elsewhere = set(), set()
    top = ROOT / "src/layer"
    for path in sorted(top.rglob("*.[ch]")):
        text = path.read_text()
        for function in LOGGING:
            for arguments in calls(text, function):
                texts = re.findall(r'(?<!u)"([^"]*)"', arguments)
                found.update(texts)
                if not texts and function in ("log_refusal", "process_refuse", "change_refuse"):
                    elsewhere.add(str(path.relative_to(top)))
    return found, elsewhere


def test_no_reason_is_without_a_test():
    found, elsewhere = reasons()
    tested = {why for why, _, _ in PROVOKED}
    at_the_border = {why for why, _ in sum(BORDER_REFUSALS.values(), [])}
    assert elsewhere == HANDED_ON
    assert (tested | at_the_border) & set(NOT_PROVOKED) == set()
    assert found == tested | at_the_border | set(NOT_PROVOKED)


def alien_program(path, program):
    """A program for processors that this system has not: ARM64."""
    data = bytearray(program.read_bytes())
    header = int.from_bytes(data[0x3c:0x40], "little")
    data[header + 4:header + 6] = (0xaa64).to_bytes(2, "little")
    path.write_bytes(data)


def prepare(machine, storage):
    directory = machine.unix(r"C:\refusals")
    directory.mkdir()
    for name in ("file.txt", "obstacle.txt", "two names.txt", "co:lon"):
        (directory / name).write_text("content")
    os.link(directory / "two names.txt", directory / "second name.txt")
    (directory / "hive").write_text("WINE REGISTRY Version 2\n\n[top] 1\n\n[top\\\\link] 1\n#link\n")
    alien_program(directory / "alien.exe", X64 / "apps" / "echo.exe")
    (storage / "files" / "C" / "refusals" / "obstacle.txt").mkdir(parents=True)
    (storage / "partners").write_text("no directory")
    return directory


def test_what_is_refused_is_logged(machine):
    machine.fvm("create", "refusing").expect()
    home = machine.fvm_home()
    directory = prepare(machine, home / "vms" / "refusing")
    holder = machine.popen([X64 / "apps" / "refusals.exe", "hold"], stdin=subprocess.PIPE)
    assert holder.stdout.readline().strip() == b"up: 00000000"
    own = "C:\\" + str(home.relative_to(machine.drive_c)).replace("/", "\\")
    colon = f"\\??\\unix{directory}/co:lon"
    result = machine.inside("refusing", [X64 / "apps" / "refusals.exe", r"C:\refusals", own, colon]).expect()
    holder.communicate(b"\n", timeout=60)
    log = machine.fvm("log", "refusing").expect().text.splitlines()
    refused = [line.split(" ", 3)[3] for line in log if line.split(" ", 3)[2] == "refuse"]
    expected = PROVOKED + [row for tried, row in PROVOKED_WITH.items() if f"{tried}: " in result.text]
    missing = [row for row in expected if not any(matches(row, line) for line in refused)]
    assert missing == [], "\n".join([result.text, *refused])
    machine.fvm("delete", "refusing").expect()


def matches(row, line):
    why, status, name = row
    return re.fullmatch(re.escape(f"{why} ({status}): {name}").replace(r"\*", ".*"), line)


def test_no_line_is_lost_when_two_write(machine):
    count, tags = 2000, ["one", "two"]
    command = [X64 / "apps" / "refusals.exe", "repeat"]
    running = [machine.popen_fvm(["run", "crowded", "--", *command, tag, count]) for tag in tags]
    for process in running:
        assert process.communicate(timeout=120) == (b"", b"") and process.returncode == 0
    lines = machine.fvm("log", "crowded").expect().text.splitlines()
    row = re.compile(r"\S+Z \d+ refuse creating an object in a directory of the system \(c0000022\): KernelObjects\\(\w+)-(\d+)")
    found = [match.groups() for line in lines if (match := row.fullmatch(line))]
    assert sorted(found) == sorted((tag, str(i)) for tag in tags for i in range(count))
    machine.fvm("delete", "crowded").expect()
