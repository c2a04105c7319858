"""What the tests of the registry share: registration files, and the registry as a program sees it."""


def large_reg(path, keys=10_000, values=10):
    """A file for `reg import` and regedit."""
    lines = ["Windows Registry Editor Version 5.00", ""]
    for k in range(keys):
        lines.append(rf"[HKEY_CURRENT_USER\Software\Import\group{k % 100}\key{k}]")
        for v in range(values):
            lines.append(f'"value{v}"=' + ('"text %d"' % k, "dword:%08x" % k, "hex:01,02,03")[v % 3])
        lines.append("")
    write_reg(path, lines)


def write_reg(path, lines):
    path.write_bytes(b"\xff\xfe" + "\r\n".join(lines).encode("utf-16-le"))


def read_reg(path):
    """Key -> its lines, of a file that `reg export` made."""
    keys = {}
    lines = []
    for line in path.read_bytes().decode("utf-16").split("\r\n"):
        if line.startswith("["):
            lines = keys.setdefault(line, [])
        elif line:
            lines.append(line)
    return keys


def assert_same_keys(outside, inside):
    differ = [f"{key}: {outside.get(key)} -> {inside.get(key)}" for key in sorted(outside.keys() | inside.keys())
              if outside.get(key) != inside.get(key)]
    assert not differ, f"{len(differ)} keys differ\n" + "\n".join(differ[:20])


def stored(machine, vm, windows_path):
    """Where a file that a VM made is, as a Linux path."""
    return machine.fvm_home() / "vms" / vm / "files" / windows_path.replace(":", "", 1).replace("\\", "/")


def export_outside(machine, root, path=r"C:\exported.reg"):
    machine.outside(["reg", "export", root, path, "/y"]).expect()
    return read_reg(machine.unix(path))


def export_inside(machine, vm, root, path=r"C:\exported.reg"):
    machine.inside(vm, ["reg", "export", root, path, "/y"]).expect()
    return read_reg(stored(machine, vm, path))
