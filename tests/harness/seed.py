"""The files that a test program finds: the same bytes, attributes and times wherever they are made."""
import os
from pathlib import Path

STAMP = 1_600_000_000_000_000_000  # 2020-09-13T12:26:40Z, in ns
BIG = 3 * 1024 * 1024 + 17

FILES = {
    "readme.txt": b"hello, host\r\n",
    "empty": b"",
    "read-only.txt": b"cannot be written\r\n",
    "big.bin": bytes(range(256)) * (BIG // 256 + 1),
    "name with spaces.txt": b"spaces\r\n",
    "Übergröße.txt": "unicode\r\n".encode(),
    "日本語.txt": b"cjk\r\n",
    "MixedCase.TXT": b"case\r\n",
    "a rather long file name that has a short one.document": b"8.3\r\n",
    "sub/one.txt": b"1\r\n",
    "sub/two.txt": b"2\r\n",
    "sub/deeper/three.txt": b"3\r\n",
    "sub/deeper/still deeper/four.txt": b"4\r\n",
    "tree/a/1.dat": b"a1",
    "tree/a/2.dat": b"a2",
    "tree/b/1.dat": b"b1",
}
DIRECTORIES = ["empty dir", "sub/empty"]
# One for each combination that a program tries, so that each meets a file of the host that nothing has touched.
MANY = 90
FILES.update({f"many/{n:02}.txt": b"one of many\r\n" for n in range(MANY)})
FILES.update({f"dirs/{n:02}/inside.txt": b"inside\r\n" for n in range(1, MANY, 2)})
DIRECTORIES += [f"dirs/{n:02}" for n in range(0, MANY, 2)]
# Groups of names of one file: three hard links, and a link to the first.
GROUPS = 32
FILES.update({f"names/{n:02}-a.txt": b"of several names\r\n" for n in range(GROUPS)})
DIRECTORIES.append("other names")


def seed(directory):
    """Fills a directory (a Linux path), which must not exist yet."""
    top = Path(directory)
    top.mkdir(parents=True)
    for name in DIRECTORIES:
        (top / name).mkdir(parents=True)
    for name, content in FILES.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[:BIG])
    os.link(top / "sub/two.txt", top / "sub/two-linked.txt")
    (top / "link-to-sub").symlink_to("sub")
    (top / "link-to-file.txt").symlink_to("readme.txt")
    for n in range(GROUPS):
        first = top / f"names/{n:02}-a.txt"
        os.link(first, top / f"names/{n:02}-b.txt")
        os.link(first, top / f"other names/{n:02}-c.txt")
        (top / f"names/{n:02}-s.txt").symlink_to(first.name)
    (top / "read-only.txt").chmod(0o444)
    stamp(top)
    return top


def stamp(top):
    """Gives everything below a directory a time of its own, the same ones wherever this is done."""
    for number, path in enumerate(sorted(top.rglob("*"), key=lambda p: (-len(p.parts), str(p.relative_to(top))))):
        os.utime(path, ns=(STAMP, STAMP + number * 1_000_000_000), follow_symlinks=False)
    os.utime(top, ns=(STAMP, STAMP))
