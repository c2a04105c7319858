"""Wine prefixes of our own, and running programs in them, outside and inside a VM."""
import ctypes
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .paths import FVM, X64, windows

DEBIAN_WINE = Path("/usr/lib/wine/wine64")
WINE = str(DEBIAN_WINE) if DEBIAN_WINE.exists() else "wine64"
TIMEOUT = 120  # seconds; a program that takes longer hangs

# Debian's Wine 8 has no preloader: once in about 2,000 starts Linux puts the heap where Wine needs its shared data, and the
# program ends with code 1. So the tests run without random addresses, where that is allowed.
ADDR_NO_RANDOMIZE = 0x0040000
ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)


@dataclass
class Result:
    code: int
    out: bytes
    err: bytes

    @property
    def text(self):
        return self.out.decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def error(self):
        return self.err.decode("utf-8", "replace").replace("\r\n", "\n")

    def expect(self, code=0):
        assert self.code == code, f"exit code {self.code}, not {code}\n{self.text}\n{self.error}"
        return self


class Prefix:
    """A Windows "machine": a Wine prefix with a HOME of its own, so that the links to Documents and the like, which
    Wine puts into a prefix, do not lead to the files of whoever runs the tests."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.prefix = self.directory / "prefix"
        self.home = self.directory / "home"
        self.drive_c = self.prefix / "drive_c"
        self.holder = None
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "winemenubuilder.exe,mscoree,mshtml=",
            "DISPLAY": "",
        }
        if DEBIAN_WINE.exists():  # Wine 10 aborts when it is set
            self.env["TMPDIR"] = str(self.directory / "tmp")  # Wine's own

    @classmethod
    def create(cls, directory):
        """A new prefix that says it is Windows 10, as users have; settled, so that later starts change nothing."""
        self = cls(directory)
        self.home.mkdir(parents=True)
        (self.directory / "tmp").mkdir()
        self.outside(["wineboot", "-i"], timeout=300).expect()
        self.outside(["winecfg", "-v", "win10"]).expect()
        self.fvm_home().mkdir(parents=True, exist_ok=True)
        # What the system itself writes at the first start of each kind of program is written now.
        self.outside(["cmd", "/c", "exit 0"]).expect()
        self.stop()
        return self

    @classmethod
    def copy(cls, template, directory):
        self = cls(directory)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{template.directory}/.", str(self.directory)], check=True)
        for link in list(self.prefix.rglob("*")):
            if link.is_symlink() and os.readlink(link).startswith(str(template.home)):
                target = str(self.home) + os.readlink(link)[len(str(template.home)):]
                stamp = link.parent.lstat()
                link.unlink()
                link.symlink_to(target)
                os.utime(link.parent, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        return self

    def fvm_home(self):
        """Where FVM keeps the VMs of this prefix when nothing else is said."""
        (users,) = [p for p in (self.drive_c / "users").iterdir() if p.name != "Public"]
        return users / "AppData" / "Local" / "FVM"

    def runs_narrow_programs(self):
        """32-bit ones."""
        return (self.drive_c / "windows/syswow64/ntdll.dll").exists()

    def start(self):
        """Keeps the prefix's server and its system processes up until stop()."""
        if self.holder is None:
            subprocess.run(["wineserver", "-p"], env=self.env, check=True)
            self.holder = self.popen(["cmd", "/c", "echo up & set /p line="], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
            assert self.holder.stdout.readline().strip() == b"up"
        return self

    def stop(self):
        """Ends every process of this prefix, and of no other."""
        for end in ("-k", "-w"):
            try:
                subprocess.run(["wineserver", end], env=self.env, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                pass
        for pid in self.processes(""):  # what asks the server for nothing does not notice that it is gone
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.holder is not None:
            self.holder.communicate()
            self.holder = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory)

    def processes(self, mark):
        """Ids of this prefix's processes that have `mark` in their command line."""
        own = f"WINEPREFIX={self.prefix}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() in (process / "cmdline").read_bytes().replace(b"\0", b" ") and \
                        own in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:  # ended meanwhile
                pass
        return found

    def server(self):
        """The directory in /proc of this prefix's server."""
        candidates = (Path(f"/proc/{pid}") for pid in self.processes("wineserver"))
        return next(process for process in candidates if (process / "comm").read_text().startswith("wineserver"))

    def unix(self, windows_path):
        """The Linux path of C:\\..."""
        assert windows_path[:3].upper() == "C:\\", windows_path
        return self.drive_c / windows_path[3:].replace("\\", "/")

    def popen(self, command, env=None, **options):
        return self._popen([WINE, *map(str, command)], env, **options)

    def popen_fvm(self, arguments, env=None, **options):
        return self._popen([str(FVM), *map(str, arguments)], env, **options)

    def _popen(self, arguments, env, cwd=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("bufsize", 0)  # so that readline() takes nothing away from communicate()
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(arguments, env={**self.env, **(env or {})},
                                cwd=cwd or (self.drive_c if self.drive_c.exists() else self.directory), **options)

    def _finish(self, process, name, input, timeout):
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            self.stop()  # what it started holds the pipes
            out, err = process.communicate()
            raise AssertionError(f"{name} did not end in {timeout} s\n{out.decode(errors='replace')}\n"
                                 f"{err.decode(errors='replace')}") from None
        return Result(process.returncode, out, err)

    def outside(self, command, input=None, timeout=TIMEOUT, **options):
        """Runs a Windows program as everybody does: by Wine."""
        process = self.popen(command, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE, **options)
        return self._finish(process, command, input, timeout)

    def fvm(self, *arguments, input=None, timeout=TIMEOUT, **options):
        """Runs ./fvm ARGUMENTS."""
        process = self.popen_fvm(arguments, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE, **options)
        return self._finish(process, ("fvm", *arguments), input, timeout)

    def inside(self, vm, command, **options):
        """Runs a Windows program in a VM, which is made if it does not exist."""
        return self.fvm("run", vm, "--", *command, **options)

    def save_registry(self, directory, security=False):
        """The registry as it is now, in the server's own format, without stopping the server; and the security of its keys."""
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        names = ["machine", "user", *(["security"] if security else [])]
        command = [X64 / "harness" / "regsave.exe", *(windows(target / name) for name in names)]
        if self.outside(command).code != 0:  # Wine 8 on a busy machine now and then ends it at its start, with no word
            self.outside(command).expect()
        return {name: (target / name).read_text("utf-8", "replace") for name in names}
