"""Makes a PyTorch wheel import without the gigabytes of GPU libraries that it is linked to.

    python3 absent_libraries.py FOLDER COMPILER...

FOLDER is the wheel's `torch/lib`, COMPILER one that assembles and links. For every GPU library that
is needed there and absent, it makes a small one (x86-64) that defines what is wanted of it, by
functions that answer "no device". They are there for the dynamic linker: nothing calls them while
there is no GPU.
"""

import os
import struct
import subprocess
import sys
import tempfile

GPU_LIBRARY = ("libcu", "libnv", "libnccl")

SHT_DYNAMIC, SHT_DYNSYM, SHT_VERNEED, SHT_VERSYM = 6, 11, 0x6FFFFFFE, 0x6FFFFFFF
DT_NEEDED, WEAK = 1, 2
SYMBOL = struct.Struct("<IBBHQQ")


class Library:
    """What the dynamic linker sees of an ELF file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._data = file.read()
        (table,) = struct.unpack_from("<Q", self._data, 0x28)
        size, count = struct.unpack_from("<HH", self._data, 0x3A)
        self._offsets, self._sections = [], {}
        for start in range(table, table + size * count, size):
            _, kind, _, _, offset, length, link = struct.unpack_from("<IIQQQQI", self._data, start)
            self._offsets.append(offset)
            self._sections[kind] = offset, length, link

    def _text(self, table, offset):
        start = self._offsets[table] + offset
        return self._data[start : self._data.index(b"\0", start)].decode()

    def needed(self):
        """Names of the libraries it is linked to."""
        offset, length, strings = self._sections[SHT_DYNAMIC]
        entries = struct.iter_unpack("<QQ", self._data[offset : offset + length])
        return [self._text(strings, value) for tag, value in entries if tag == DT_NEEDED]

    def symbols(self):
        """Yields (name, whether defined here, (library, version) it is wanted of or None)."""
        offset, length, strings = self._sections[SHT_DYNSYM]
        count = length // SYMBOL.size
        indices = struct.unpack_from(f"<{count}H", self._data, self._sections[SHT_VERSYM][0])
        versions = self._wanted_versions()
        entries = SYMBOL.iter_unpack(self._data[offset : offset + length])
        for (name, info, _, section, _, _), index in zip(entries, indices):
            if name != 0 and (section != 0 or info >> 4 != WEAK):
                yield self._text(strings, name), section != 0, versions.get(index)

    def _wanted_versions(self):
        versions = {}
        entry, _, strings = self._sections.get(SHT_VERNEED, (None, 0, 0))
        while entry is not None:
            _, count, file, first, following = struct.unpack_from("<HHIII", self._data, entry)
            place = entry + first
            for _ in range(count):
                _, _, index, name, step = struct.unpack_from("<IHHII", self._data, place)
                versions[index] = self._text(strings, file), self._text(strings, name)
                place += step
            entry = entry + following if following else None
        return versions


def absent_libraries(folder):
    """Of each GPU library that is needed and absent, the symbols wanted of each of its versions."""
    needed, defined, wanted = set(), set(), {}
    present = [name for name in os.listdir(folder) if ".so" in name]
    for library in (Library(os.path.join(folder, name)) for name in present):
        needed.update(library.needed())
        for name, is_defined, version in library.symbols():
            if is_defined:
                defined.add(name)
            elif version is not None or not name.startswith(("Py", "_Py")):
                wanted.setdefault(name, set()).add(version)
    names = sorted(name for name in needed - set(present) if name.startswith(GPU_LIBRARY))
    absent = {name: {} for name in names}
    for symbol in sorted(wanted.keys() - defined) if names else []:
        for library, version in sorted(version or (names[0], "") for version in wanted[symbol]):
            if library in absent:
                absent[library].setdefault(version, []).append(symbol)
    return absent


def build(file, versions, compiler):
    """Assembles a library that defines symbols of versions; those of the version "" have none."""
    names = [name for symbols in versions.values() for name in symbols]
    labels = [f".globl {name}\n.type {name}, @function\n{name}:" for name in names]
    code = [".text", *labels, "mov $100, %eax", "ret", '.section .note.GNU-stack,"",@progbits']
    script = [f"{name} {{ {'; '.join(wanted)}; }};" for name, wanted in versions.items() if name]
    with tempfile.TemporaryDirectory() as folder:
        source, exports = os.path.join(folder, "absent.s"), os.path.join(folder, "exports.map")
        for path, lines in [(source, code), (exports, script)]:
            with open(path, "w") as written:
                written.write("\n".join([*lines, ""]))
        chosen = [f"-Wl,--version-script={exports}"] if script else []
        words = [*compiler, "-shared", "-nostdlib", *chosen, "-o", file, source]
        subprocess.run(words, check=True)


for library, versions in absent_libraries(sys.argv[1]).items():
    build(os.path.join(sys.argv[1], library), versions, sys.argv[2:])
