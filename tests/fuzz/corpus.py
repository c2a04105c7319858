"""Writes the first inputs for the fuzz targets: corpus.py JOURNAL_FOLDER RESOLVER_FOLDER"""
import os
import struct
import sys
import zlib

SET, REMOVE, RENAME, ABORT = 1, 2, 3, 4
OWN, DIR, META = 3, 4, 5


def record(kind_of_record, kind=0, cover=0, path="", other="", origin=(0, 0, 0)):
    text = (path + other).encode("utf-16-le")
    body = struct.pack("<BBBBHHQQQ", kind_of_record, kind, cover, 0, len(path), len(other), *origin) + text
    body += b"\0" * (-(len(body) + 8) % 8)
    body = struct.pack("<I", len(body) + 8) + body
    return struct.pack("<I", zlib.crc32(body)) + body


def journal(*records):
    return b"FVMDELTA" + struct.pack("<II", 1, 0) + b"".join(records)


def write(folder, inputs):
    os.makedirs(folder, exist_ok=True)
    for number, data in enumerate(inputs):
        with open(os.path.join(folder, str(number)), "wb") as file:
            file.write(data)


RECORDS = [
    record(SET, DIR, path="C\\a", origin=(1, 2, 3)),
    record(SET, META, path="C\\a\\f", other="D\\f"),
    record(RENAME, DIR, 1, "C\\a", "C\\b"),
    record(ABORT),
    record(RENAME, META, 0, "C\\b\\f", "E\\g\\h"),
    record(REMOVE, path="C\\b"),
    record(SET, OWN, path="E\\g"),
    record(RENAME, DIR, 1, "C\\x", "C\\y"),
]
PATH = bytes([5, 0, 3, 1, 3, 0])  # "a\\b\\a"
SHORT = bytes([1, 1])
write(sys.argv[1], [bytes([flags]) + journal(*RECORDS[:count]) for flags in range(4) for count in (0, 3, 5, 8)])
write(sys.argv[2], [
    bytes([8 * OWN]) + PATH + SHORT + bytes([7]) + PATH,
    bytes([8 * DIR]) + PATH + PATH + bytes([2 + 8]) + PATH + SHORT + bytes([7]) + SHORT,
    bytes([8 * META]) + SHORT + PATH + bytes([4]) + SHORT + bytes([1, 7, 0, 0, 9, 1]) + bytes([7]) + SHORT + bytes([3]) + SHORT,
    bytes([8 * 2]) + PATH + SHORT + bytes([7]) + PATH + bytes([2]) + SHORT + SHORT + bytes([5]) + SHORT,
])
