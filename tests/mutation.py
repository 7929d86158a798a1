"""Change valid files a little, so that readers get far before they meet the damage.

A change is decided by a code: bytes that chance draws, four for each edit.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

SIGNS = b'"|,|\n|\t|\r|\0|;|=|-1|1e999|nan|NaN|{|}|[|]|:|null|\x1b[31m'
BYTES = [b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xed\xa0\x80"]
TOKENS = [*SIGNS.split(b"|"), *BYTES, b"|", b"9" * 400, b"a" * 3000, b"[" * 2000]
ODD: list[Any] = [None, True, -1, 0, 10**12, 1e999, float("nan"), "", "x" * 300, [], [[]], {}]
ODD += [{"class_name": "Lambda"}, "\x1b[31m", "../../x", [None, 10**12, 4], {"x": {"y": [1]}}]


def edits(code: bytes) -> Iterator[tuple[float, int, int]]:
    """Yield the place (0 to 1), the kind and a number for each edit."""
    for start in range(0, len(code) - 3, 4):
        where = int.from_bytes(code[start : start + 2]) / 65_536
        yield where, code[start + 2], code[start + 3]


def mutated(whole: bytes, code: bytes, tokens: Sequence[bytes] = TOKENS) -> bytes:
    """Return bytes with pieces changed, taken out, put in, repeated or cut off."""
    content = bytearray(whole)
    for where, kind, number in edits(code):
        place = int(where * (len(content) + 1))
        if kind < 70:  # for the most part into another letter
            content[place : place + 1] = bytes([number if kind < 10 else number % 128])
        elif kind < 110:
            content[place : place + 1 + number % 64] = b""
        elif kind < 190:
            content[place:place] = tokens[number % len(tokens)]
        elif kind < 230:
            content[place:place] = content[max(place - number, 0) : place]
        elif kind < 250:
            content[place : place + 4] = number.to_bytes(4, "little")
        else:
            del content[place:]
    return bytes(content)


def overwritten(whole: bytes, code: bytes) -> bytes:
    """Return as many bytes, some of them others."""
    content = bytearray(whole)
    for where, kind, number in edits(code):
        place = int(where * len(content))
        written = NUMBERS[kind % len(NUMBERS)] if kind % 2 else bytes([number])
        content[place : place + len(written)] = written
    return bytes(content[: len(whole)])


def mutated_json(tree: Any, code: bytes) -> bytes:
    """Return JSON with some of its values exchanged for odd ones, or taken out."""
    tree = deepcopy(tree)
    for where, kind, number in edits(code):
        places = [*_places(tree)]
        if not places:
            break
        section, key = places[int(where * len(places))]
        if kind < 40:
            del section[key]
        elif kind < 120:
            other, known = places[number % len(places)]
            section[key] = deepcopy(other[known])
        else:
            section[key] = deepcopy(ODD[number % len(ODD)])
    return json.dumps(tree).encode()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def members(content: bytes) -> dict[str, bytes]:
    """Return the files in a zip archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    """Return a zip archive of files, packed without a trace of what was changed in them."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return written.getvalue()


def mutated_archive(files: dict[str, bytes], code: bytes) -> bytes:
    """Return a zip archive with a change in one of its files, or in the archive itself."""
    which, rest = code[0], code[1:]
    if which >= 200:
        return mutated(packed(files), rest)
    name = [*files][which % len(files)]
    if which >= 180:
        return packed({key: content for key, content in files.items() if key != name})
    return packed({**files, name: mutated_array(files[name], rest)})


NUMBERS = [b"\0" * 8, b"\xff" * 8, b"\0\0\xc0\x7f", b"\0\0\x80\xff", b"\0" * 6 + b"\xf0\x7f"]
HEADERS = [b"'<f8'", b"'<i8'", b"'|O'", b"'<U0'", b"'|V4'", b"'<c16'", b"'<M8[D]'", b"True"]
HEADERS += [b"(-1,)", b"(10**9,)", b"(99999999999, 3)", b"()", b"(0,)", b"(", b"[('a', '<i4')]"]


def mutated_array(npy: bytes, code: bytes) -> bytes:
    """Return an array of NumPy's with a change in its numbers, in its header, or anywhere."""
    if not npy.startswith(b"\x93NUMPY") or not code or code[0] > 200:
        return mutated(npy, code)
    end = 10 + int.from_bytes(npy[8:10], "little")
    if code[0] < 120:
        return npy[:end] + overwritten(npy[end:], code[1:])
    header = mutated(npy[10:end].rstrip(), code[1:], HEADERS).ljust(end - 10)
    return npy[:8] + len(header).to_bytes(2, "little", signed=False) + header + npy[end:]
