"""The state of a host: everything a VM must leave as it was, to the bit."""
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()


def _attributes(path):
    """Wine keeps DOS attributes and the like here."""
    return {name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)}


def _entry(path, system):
    info = os.lstat(path)
    entry = {"mode": stat.filemode(info.st_mode), "mtime_ns": info.st_mtime_ns, "links": info.st_nlink,
             "owner": (info.st_uid, info.st_gid)}
    if stat.S_ISLNK(info.st_mode):
        entry["target"] = os.readlink(path)
        return entry
    entry["attributes"] = _attributes(path)
    if stat.S_ISREG(info.st_mode):
        entry["size"] = info.st_size
        if system:
            # Hundreds of megabytes that nothing ever writes: any change shows in the inode or in its change time.
            entry["inode"] = info.st_ino, info.st_ctime_ns
        else:
            entry["sha256"] = _sha256(path)
    elif stat.S_ISDIR(info.st_mode):
        del entry["links"]
    return entry


def _walk(top, skip, system):
    for directory, names, files in os.walk(top):
        path = Path(directory)
        if path == skip:
            names.clear()
            continue
        yield str(path), _entry(path, False)
        in_system = system in (path, *path.parents)
        for name in files + [n for n in names if (path / n).is_symlink()]:
            yield str(path / name), _entry(path / name, in_system)


STORED_KEYS = re.compile(r"(.*\\\\)?Software\\\\FVM(\\\\.*)?", re.IGNORECASE)  # backslashes are doubled in the text


def _registry_keys(text):
    """Key -> its lines (values, time of the last write), without those that FVM keeps."""
    keys = {}
    lines = keys.setdefault("", [])
    for line in text.splitlines():
        if line.startswith("["):
            lines = keys.setdefault(line[1:line.rindex("]")], [])
        lines.append(line)
    return {name: lines for name, lines in keys.items() if not STORED_KEYS.fullmatch(name)}


def _security(text):
    """Key -> owner, group and access control list, without those that FVM keeps."""
    lines = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return {name: [what] for name, what in lines if not STORED_KEYS.fullmatch(name.replace("\\", r"\\"))}


def host_snapshot(prefix, registry=True, security=False):
    """Every file of the prefix's drive and of its HOME, and the registry; without FVM's own home. On demand also the security of
    keys, which Wine writes to no file."""
    files = {}
    for top in (prefix.drive_c, prefix.prefix / "dosdevices", prefix.home):
        files.update(_walk(top, prefix.fvm_home(), prefix.drive_c / "windows"))
    keys = {}
    if registry:
        with tempfile.TemporaryDirectory() as directory:
            for name, text in prefix.save_registry(directory, security).items():
                read = _security if name == "security" else _registry_keys
                keys.update({f"{name}: {key}": lines for key, lines in read(text).items()})
    return {"file": files, "key": keys}


def differences(before, after):
    """One line per file or key that differs."""
    result = []
    for kind in ("file", "key"):
        old, new = before[kind], after[kind]
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                result.append(f"{kind} gone: {name}")
            elif name not in old:
                result.append(f"{kind} new: {name}")
            elif old[name] != new[name]:
                if kind == "file":
                    what = ", ".join(f"{key} {old[name].get(key)!r} -> {new[name].get(key)!r}"
                                     for key in sorted(old[name].keys() | new[name].keys())
                                     if old[name].get(key) != new[name].get(key))
                else:
                    what = f"{sorted(set(old[name]) - set(new[name]))} -> {sorted(set(new[name]) - set(old[name]))}"
                result.append(f"{kind} changed: {name}: {what}")
    return result


def assert_unchanged(before, after):
    changed = differences(before, after)
    if changed:
        raise AssertionError("the host changed:\n" + "\n".join(changed[:20]) +
                             (f"\n... {len(changed)} differences in all" if len(changed) > 20 else ""))
