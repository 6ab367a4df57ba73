"""Makes a PyTorch wheel import without the gigabytes of GPU libraries that it is linked to.

    python3 stub_library.py FOLDER

FOLDER is the wheel's `torch/lib`. Every library that is needed there and is nowhere to be found is
replaced by one small library that defines the symbols wanted of it. They do nothing: they are there
for the dynamic linker, and computing on the CPU calls none of them.
"""

import ctypes.util
import os
import struct
import sys

SHT_DYNSYM, SHT_VERNEED, SHT_VERSYM = 11, 0x6FFFFFFE, 0x6FFFFFFF
SYMBOL = struct.Struct("<IBBHQQ")
STUB = "libmissing.so"


class Library:
    """What the dynamic linker sees of a 64-bit little-endian ELF file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._data = file.read()
        start, = struct.unpack_from("<Q", self._data, 0x28)
        size, count = struct.unpack_from("<HH", self._data, 0x3A)
        fields = [struct.unpack_from("<IIQQQQIIQQ", self._data, start + size * i) for i in range(count)]
        self._sections = {kind: (offset, length, link) for _, kind, _, _, offset, length, link, *_ in fields}
        self._by_index = [(offset, length) for _, _, _, _, offset, length, *_ in fields]

    def _text(self, table, offset):
        start = self._by_index[table][0] + offset
        return self._data[start : self._data.index(b"\0", start)].decode()

    def _sources(self):
        """Of each version index, the library that it belongs to."""
        sources = {}
        if SHT_VERNEED not in self._sections:
            return sources
        entry, _, strings = self._sections[SHT_VERNEED]
        while True:
            _, count, file, first, following = struct.unpack_from("<HHIII", self._data, entry)
            version = entry + first
            for _ in range(count):
                _, _, index, _, step = struct.unpack_from("<IHHII", self._data, version)
                sources[index] = self._text(strings, file)
                version += step
            if following == 0:
                return sources
            entry += following

    def symbols(self):
        """Yields (name, whether defined, whether weak, the library it is wanted of or None)."""
        offset, length, strings = self._sections[SHT_DYNSYM]
        table = self._data[offset : offset + length]
        count = length // SYMBOL.size
        versions = [0] * count
        if SHT_VERSYM in self._sections:
            versions = struct.unpack_from(f"<{count}H", self._data, self._sections[SHT_VERSYM][0])
        sources = self._sources()
        for (name, info, _, section, _, _), version in zip(SYMBOL.iter_unpack(table), versions):
            if name:
                yield self._text(strings, name), section != 0, info >> 4 == 2, sources.get(version)

    def needed(self):
        offset, length, strings = self._sections[6]
        entries = struct.iter_unpack("<QQ", self._data[offset : offset + length])
        return [self._text(strings, value) for tag, value in entries if tag == 1]
