"""Which files would hurt a careless reader? Hostile archives and XML, built here and refused by `read_package`.

`python -m tests.registry.zoo` reads each in a process of its own and prints rule, reason, seconds of the call by the
clock and of the processor (all threads), and peak memory of the process. It ends with 1 if one is not refused for its reason, or
takes more than a second of the processor or 300 MB; the clock also counts what other programs do. Names of cases, or parts of
them, choose some.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_SECONDS = 1.0
MOST_MEGABYTES = 300
TRIES = 3
NAME = "HM750001T75_22041"
MAIN, PERSONS = f"{NAME}.xml".encode(), f"L{NAME[1:]}.xml".encode()
MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """A hostile file: its bytes in parts, the name it comes under, the rule and the reason that refuse it."""

    name: str
    rule: str
    reason: str  # params.reason, limit or problem of the finding; "" where the rule says it all
    make: Callable[[], Iterable[bytes]]
    file: str

    def write(self, folder: Path) -> Path:
        """The file, in a folder of its own."""
        (folder / self.name).mkdir()
        path = folder / self.name / self.file
        with path.open("wb") as stream:
            for part in self.make():
                stream.write(part)
        return path


CASES: dict[str, Case] = {}
_Maker = Callable[[], "bytes | Iterable[bytes]"]


def case(rule: str, reason: str = "", file: str = f"{NAME}.zip") -> Callable[[_Maker], _Maker]:
    """Enter a builder into the zoo under its own name."""

    def entered(maker: _Maker) -> _Maker:
        def parts() -> Iterable[bytes]:
            made = maker()
            return [made] if isinstance(made, bytes) else made

        name = maker.__name__
        CASES[name] = Case(name, rule, reason, parts, file)
        return maker

    return entered


def xml(rule: str, reason: str = "") -> Callable[[_Maker], _Maker]:
    """As `case`, for a bare XML file."""
    return case(rule, reason, f"{NAME}.xml")


# --- archives: any field of any header may be given a value of its own ---------------------------------------------------


@dataclass
class Part:
    """One entry. `local` and `central` replace fields of the two headers: name, flags, method, crc, packed, size, extra, offset."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    mode: int = 0
    packed: bytes | None = None
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def fields(self, changed: dict[str, Any]) -> dict[str, Any]:
        told = {"name": self.name, "flags": self.flags, "method": self.method, "crc": zlib.crc32(self.data), "extra": b""}
        return told | {"packed": len(self.content), "size": len(self.data)} | changed

    @property
    def content(self) -> bytes:
        if self.packed is None:
            self.packed = deflated(self.data) if self.method == 8 else self.data
        return self.packed

    def header(self) -> bytes:
        """The header before the bytes."""
        told = self.fields(self.local)
        return struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, told["flags"], told["method"], 0, 33, told["crc"], told["packed"], told["size"],
            len(told["name"]), len(told["extra"]),
        ) + told["name"] + told["extra"]  # fmt: skip

    def entry(self, offset: int) -> bytes:
        """The entry of the directory."""
        told = self.fields(self.central)
        return struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 0x0314, 20, told["flags"], told["method"], 0, 33, told["crc"], told["packed"],
            told["size"], len(told["name"]), len(told["extra"]), len(told.get("comment", b"")), told.get("disk", 0), 0,
            told.get("mode", self.mode) << 16, told.get("offset", offset),
        ) + told["name"] + told["extra"] + told.get("comment", b"")  # fmt: skip


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def end(entries: int, size: int, start: int, comment: bytes = b"", disk: int = 0) -> bytes:
    """The record at the end."""
    return struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, entries, entries, size, start, len(comment)) + comment


def end64(entries: int, size: int, start: int, at: int) -> bytes:
    """The 64-bit record and its locator, which stand at `at`."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, start)
    return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)


def archive(*parts: Part, before: bytes = b"", told: dict[str, Any] | None = None, moved: bool = False) -> bytes:
    """A ZIP of the parts. `before`: bytes in front (`moved`: offsets know of them); `told`: fields of the record at the end."""
    body = bytearray(before)
    entries = bytearray()
    for part in parts:
        entries += part.entry(len(body) - (0 if moved else len(before)))
        body += part.header() + part.content
    known = {"entries": len(parts), "size": len(entries), "start": len(body) - (0 if moved else len(before))}
    return bytes(body + entries) + end(**(known | (told or {})))


def main_xml() -> bytes:
    from .documents import main_document

    return main_document(2)


def good() -> tuple[Part, Part]:
    """The two files of a package without fault."""
    from .documents import person_document

    return Part(MAIN, main_xml()), Part(PERSONS, person_document(2))


def with_part(name: bytes, **rest: Any) -> bytes:
    """A faultless package with one more entry."""
    return archive(*good(), Part(name, b"<a/>", **rest))


def with_main(**rest: Any) -> bytes:
    """A package whose main file is changed."""
    main, persons = good()
    for key, value in rest.items():
        setattr(main, key, value)
    return archive(main, persons)


def blown_up(megabytes: int) -> bytes:
    """A file that packs a thousand to one."""
    return main_xml().replace(b"</ZL_LIST>", b" " * (megabytes * MIB) + b"</ZL_LIST>")


@case("S.804", "ratio")
def flat_bomb() -> bytes:
    return archive(Part(MAIN, blown_up(200)), good()[1])


@case("S.804", "lie")
def flat_bomb_that_says_it_is_small() -> bytes:
    return with_main(data=blown_up(100), local={"size": 5000}, central={"size": 5000})


@case("S.804", "too_big")
def flat_bomb_that_says_four_gigabytes() -> bytes:
    size = (1 << 32) - 2
    return with_main(local={"size": size}, central={"size": size})


@case("S.804", "ratio")
def many_dense_files() -> bytes:
    """Each stays under the size from which density counts; together they do not."""
    body = b"<a>" + b" " * (9 * MIB) + b"</a>"
    return archive(*(Part(f"a{number}.xml".encode(), body) for number in range(14)))


@case("S.804", "overlap")
def overlapping_files_of_one_body() -> bytes:
    """Many entries of the directory, one packed body."""
    part = Part(MAIN, blown_up(8))
    body = part.header() + part.content
    entries = b"".join(Part(b"%d.xml" % n, part.data, packed=part.content).entry(0) for n in range(15))
    return body + part.entry(0) + entries + end(16, len(part.entry(0) + entries), len(body))


@case("S.804", "overlap")
def overlapping_files_that_quote_the_next_header() -> bytes:
    """Every file's packed bytes hold the headers and the body of all that follow, as stored blocks of Deflate."""
    data, packed = blown_up(9), deflated(blown_up(9))
    parts: list[Part] = []
    for number in reversed(range(15)):
        part = Part(b"%02d.xml" % number, data, packed=packed)
        parts.insert(0, part)
        quoted = part.header()
        data = quoted + data
        packed = b"\x00" + struct.pack("<2H", len(quoted), len(quoted) ^ 0xFFFF) + quoted + packed
    body = parts[0].header() + parts[0].content
    step = len(parts[0].header()) + 5
    directory = b"".join(part.entry(number * step) for number, part in enumerate(parts))
    return body + directory + end(len(parts), len(directory), len(body))


@case("S.804", "nested")
def zip_in_zip() -> bytes:
    return with_part(b"more.zip", packed=None)


@case("S.804", "nested")
def zip_in_zip_under_another_name() -> bytes:
    return archive(Part(MAIN, archive(*good())), good()[1])


@case("S.804", "nested")
def zips_in_zips_in_zips() -> bytes:
    """Five levels of sixteen, a gigabyte of files in the end; only the first level is ever looked at."""
    inner = archive(*(Part(b"%d.xml" % number, b" " * MIB) for number in range(16)))
    for _ in range(4):
        inner = archive(*(Part(b"%d.zip" % number, inner, 0) for number in range(2)))
    return archive(Part(MAIN, inner), good()[1])


@case("S.804", "nested")
def other_archives_under_the_name_of_a_file() -> bytes:
    return archive(*good(), Part(b"a.xml", b"Rar!\x1a\x07\x01\x00" + b"\0" * 600), Part(b"b.xml", b"7z\xbc\xaf\x27\x1c"))


@case("S.804", "too_many")
def million_entries() -> Iterator[bytes]:
    """A directory of a million entries, told as 64-bit numbers."""
    part = Part(b"a.xml", b"<a/>")
    body = part.header() + part.content
    entry = part.entry(0)
    yield body
    for _ in range(100):
        yield entry * 10_000
    at = len(body) + len(entry) * 1_000_000
    yield end64(1_000_000, len(entry) * 1_000_000, len(body), at)
    yield end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


@case("S.804", "directory")
def million_entries_told_as_two() -> Iterator[bytes]:
    part = Part(b"a.xml", b"<a/>")
    body = part.header() + part.content
    entry = part.entry(0)
    yield body
    for _ in range(100):
        yield entry * 10_000
    yield end(2, len(entry) * 1_000_000, len(body))


@case("S.804", "lie")
def more_entries_than_told() -> bytes:
    return archive(*good(), Part(b"third.xml", b"<a/>"), told={"entries": 2})


@case("S.804", "directory")
def giant_directory() -> bytes:
    """Two entries with all the extra fields and remarks there can be."""
    main, persons = good()
    main.central = persons.central = {"extra": struct.pack("<2H", 0x7777, 60_000) + b"x" * 60_000, "comment": b"y" * 65_000}
    return archive(main, persons)


@case("S.804", "lie")
def zip64_tells_other_numbers() -> bytes:
    plain = archive(*good())
    found = struct.unpack("<4s4H2LH", plain[-22:])
    return plain[:-22] + end64(found[4] + 1, found[5], found[6], len(plain) - 22) + plain[-22:]


@case("S.804", "lie")
def zip64_size_only_in_the_directory() -> bytes:
    wide = struct.pack("<2HQ", 1, 8, 1 << 20)
    return with_main(central={"size": 0xFFFFFFFF, "extra": wide})


@case("S.804", "too_big")
def zip64_sizes_beyond_everything() -> bytes:
    wide = struct.pack("<2HQQ", 1, 16, 1 << 60, 100)
    sizes = {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF, "extra": wide}
    return with_main(data=b"x" * 100, method=0, packed=b"x" * 100, local=sizes, central=sizes, flags=0)


@case("S.804", "path")
def path_upwards() -> bytes:
    return with_part(b"../../../../etc/cron.d/x")


@case("S.804", "path")
def path_upwards_the_other_way() -> bytes:
    return with_part(b"..\\..\\Windows\\x.xml")


@case("S.804", "path")
def absolute_path() -> bytes:
    return with_part(b"/etc/passwd")


@case("S.804", "path")
def drive_letter() -> bytes:
    return with_part(b"C:\\autoexec.xml")


@case("S.804", "path")
def stream_of_another_file() -> bytes:
    return with_part(MAIN + b":hidden")


@case("S.804", "folder")
def file_in_a_folder() -> bytes:
    return with_part(b"inner/" + MAIN)


@case("S.804", "name")
def nul_in_a_name() -> bytes:
    return with_part(b"good.xml\0.exe")


@case("S.804", "name")
def name_that_reads_backwards() -> bytes:
    return with_part("a\u202elmx.exe".encode(), flags=0x800)


@case("S.804", "name")
def name_with_a_dot_at_the_end() -> bytes:
    return with_part(MAIN + b". .")


@case("S.804", "name")
def name_of_a_device() -> bytes:
    return with_part(b"NUL.xml")


@case("S.804", "name_long")
def name_of_sixty_thousand_letters() -> bytes:
    return with_part(b"a" * 20_000 + b".xml")


@case("S.804", "mode")
def symbolic_link() -> bytes:
    return with_part(b"link.xml", mode=0o120777)


@case("S.804", "mode")
def device() -> bytes:
    return with_part(b"null.xml", mode=0o020666)


@case("S.804", "encrypted")
def encrypted() -> bytes:
    return with_main(flags=1)


@case("S.804", "encrypted")
def encrypted_with_aes() -> bytes:
    return with_main(method=99, local={"extra": struct.pack("<2H7s", 0x9901, 7, b"\x02\0AE\x03\x08\0")}, packed=b"x" * 50)


@case("S.804", "encrypted")
def encrypted_directory() -> bytes:
    return with_main(flags=0x2041)


@case("S.804", "method")
def packed_with_lzma() -> bytes:
    return with_main(method=14)


@case("S.801", "crc")
def wrong_checksum() -> bytes:
    return with_main(local={"crc": 1}, central={"crc": 1})


@case("S.801", "broken")
def wrong_bytes() -> bytes:
    return with_main(packed=b"\xff" * 300)


@case("S.804", "lie")
def bytes_after_the_end_of_a_file() -> bytes:
    """Packed bytes that no program unpacks: a place to hide something."""
    main = good()[0]
    return with_main(packed=main.content + b"hidden")


@case("S.801", "truncated")
def truncated() -> bytes:
    whole = archive(*good())
    return whole[: len(whole) // 2]


@case("S.801", "broken")
def truncated_in_the_middle() -> bytes:
    whole = archive(*good())
    return whole[:200] + whole[400:]


@case("S.801", "truncated")
def truncated_stream() -> bytes:
    main = good()[0]
    return with_main(packed=main.content[:-20])


@case("S.804", "lie")
def other_name_before_the_bytes() -> bytes:
    return with_main(local={"name": b"HM750001T75_22042.xml"})


@case("S.804", "lie")
def other_size_before_the_bytes() -> bytes:
    return with_main(local={"size": 10})


@case("S.804", "lie")
def other_method_before_the_bytes() -> bytes:
    return with_main(local={"method": 0})


@case("S.804", "twice")
def same_name_twice() -> bytes:
    return with_part(MAIN)


@case("S.804", "twice")
def same_name_in_small_letters() -> bytes:
    return with_part(MAIN.lower())


@case("S.804", "twice")
def same_name_in_another_form() -> bytes:
    """One letter as one sign, and as two."""
    name = "й.xml"
    forms = (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    return archive(*good(), *(Part(form.encode(), b"<a/>", flags=0x800) for form in forms))


@case("S.804", "twice")
def same_name_in_another_code_page() -> bytes:
    return archive(*good(), Part("Реестр.xml".encode("cp866")), Part("Реестр.xml".encode(), flags=0x800))


@case("S.804", "two_names")
def second_name_in_a_field() -> bytes:
    """The name that most programs show is harmless, the one in the field of the UTF-8 name is another."""
    path = struct.pack("<BL", 1, zlib.crc32(MAIN)) + b"HM750001T75_22049.xml"
    return with_main(central={"extra": struct.pack("<2H", 0x7075, len(path)) + path})


@case("S.804", "path")
def path_upwards_in_a_field() -> bytes:
    path = struct.pack("<BL", 1, zlib.crc32(MAIN)) + b"../" + MAIN
    return with_main(central={"extra": struct.pack("<2H", 0x7075, len(path)) + path})


@case("S.804", "prepended")
def program_before_the_archive() -> bytes:
    return archive(*good(), before=b"PK-not\x7fELF" * 100)


@case("S.804", "prepended")
def program_before_the_archive_that_knows() -> bytes:
    return archive(*good(), before=b"PK-not\x7fELF" * 100, moved=True)


@case("S.804", "appended")
def bytes_after_the_archive() -> bytes:
    return archive(*good()) + b"<script>"


@case("S.801", "ambiguous")
def two_archives_in_one() -> bytes:
    """The remark of the first archive holds the end of the second: which files are in it depends on who looks."""
    other = archive(*good())
    return archive(*good())[:-22] + end(2, 0, 0, comment=other[-22:])


@case("S.801", "multi_disk")
def one_volume_of_several() -> bytes:
    return archive(*good(), told={"disk": 3})


@case("S.801", "no_files")
def only_folders() -> bytes:
    return archive(Part(b"a/", method=0), Part(b"b/", method=0))


@case("S.801", "empty")
def nothing() -> bytes:
    return b""


# --- XML -----------------------------------------------------------------------------------------------------------------


def document_parts() -> tuple[bytes, bytes, bytes]:
    """A faultless main file: declaration, what stands before the last record ends, the end."""
    whole = main_xml()
    at = whole.index(b"<ZL_LIST>")
    inner = whole.rindex(b"</ZAP>")
    return whole[:at], whole[at:inner], whole[inner:]


def inside(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A file whose last record holds `parts`."""
    declaration, start, rest = document_parts()
    yield declaration + start
    yield from parts
    yield rest


def prolog(markup: bytes, body: bytes | None = None) -> bytes:
    """A file with `markup` before its root."""
    declaration, start, rest = document_parts()
    return declaration + markup + start + (body or b"") + rest


@xml("S.806")
def billion_laughs() -> bytes:
    lines = [b'<!ENTITY a0 "ha">'] + [b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)]
    return prolog(b"<!DOCTYPE ZL_LIST [" + b"".join(lines) + b"]>", b"<X>&a9;</X>")


@xml("S.806")
def quadratic_blowup() -> bytes:
    return prolog(b'<!DOCTYPE ZL_LIST [<!ENTITY a "%s">]>' % (b"a" * 100_000), b"<X>" + b"&a;" * 10_000 + b"</X>")


@xml("S.806")
def external_entity() -> bytes:
    return prolog(b'<!DOCTYPE ZL_LIST [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b"<X>&x;</X>")


@xml("S.806")
def external_dtd() -> bytes:
    return prolog(b'<!DOCTYPE ZL_LIST SYSTEM "http://localhost/evil.dtd">')


@xml("S.806")
def parameter_entity() -> bytes:
    return prolog(b'<!DOCTYPE ZL_LIST [<!ENTITY % p SYSTEM "http://localhost/p.dtd"> %p;]>')


@xml("S.806")
def doctype_in_small_letters() -> bytes:
    return prolog(b"<!doctype ZL_LIST>")


@xml("S.806")
def doctype_behind_a_comment() -> bytes:
    return prolog(b"<!-- a --><?pi?><!-- b -->\n\n<!DOCTYPE ZL_LIST>")


@xml("S.806")
def doctype_in_cdata() -> bytes:
    return b"".join(inside([b"<X><![CDATA[<!DOCTYPE a>]]></X>"]))


@xml("S.805", "unsupported")
def doctype_in_utf_16() -> bytes:
    return prolog(b"<!DOCTYPE ZL_LIST>").decode("cp1251").replace("windows-1251", "utf-16").encode("utf-16")


@xml("S.805", "unsupported")
def doctype_in_utf_16_without_a_mark() -> bytes:
    return prolog(b"<!DOCTYPE ZL_LIST>").decode("cp1251").replace("windows-1251", "utf-16le").encode("utf-16le")


@xml("S.805", "unsupported")
def doctype_in_utf_7() -> bytes:
    return b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE ZL_LIST+AD4 <ZL_LIST/>'


@xml("S.807")
def doctype_in_utf_7_told_far_away() -> bytes:
    """The name of the encoding stands where a short look at the start does not reach."""
    return b'<?xml version="1.0"' + b" " * 5000 + b'encoding="utf-7"?>+ADwAIQ-DOCTYPE ZL_LIST+AD4 <ZL_LIST/>'


@xml("S.805", "undecodable")
def doctype_in_too_many_bytes() -> bytes:
    """`<` written as two bytes of UTF-8."""
    return b'<?xml version="1.0" encoding="utf-8"?>\xc0\xbc!DOCTYPE ZL_LIST><ZL_LIST/>'


@xml("S.805", "undecodable")
def doctype_in_ebcdic() -> bytes:
    return '<?xml version="1.0" encoding="cp037"?><!DOCTYPE ZL_LIST><ZL_LIST/>'.encode("cp037")


@xml("S.806")
def xinclude() -> bytes:
    include = b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    return b"".join(inside([include]))


@xml("S.806")
def style_sheet() -> bytes:
    return prolog(b'<?xml-stylesheet type="text/xsl" href="http://localhost/evil.xsl"?>')


@xml("S.807")
def entity_in_an_attribute() -> bytes:
    return b"".join(inside([b'<X a="&xxe;"/>']))


@xml("S.815", "attributes")
def hundred_thousand_attributes() -> Iterator[bytes]:
    return inside([b"<X", b"".join(b' a%d=""' % number for number in range(100_000)), b"/>"])


@xml("S.815", "tag_bytes")
def attribute_of_fifty_megabytes() -> Iterator[bytes]:
    return inside([b'<X a="', *[b"x" * MIB] * 50, b'"/>'])


@xml("S.815", "depth")
def million_levels() -> Iterator[bytes]:
    return inside([b"<X>" * 1_000_000, b"</X>" * 1_000_000])


@xml("S.815", "depth")
def levels_that_look_closed() -> Iterator[bytes]:
    """`/>` in attributes, closing tags in comments: counted by sight, the depth stays small."""
    return inside([b'<X a="/>">' * 200_000, b"<X><!-- </X> -->" * 50_000])


@xml("S.815", "text_bytes")
def text_of_two_hundred_megabytes() -> Iterator[bytes]:
    return inside([b"<X>", *[b"x" * MIB] * 200, b"</X>"])


@xml("S.815", "text_bytes")
def cdata_of_a_hundred_megabytes() -> Iterator[bytes]:
    return inside([b"<X><![CDATA[", *[b"<x>&" * (MIB // 4)] * 100, b"]]></X>"])


@xml("S.815", "text_bytes")
def hundred_megabytes_between_records() -> Iterator[bytes]:
    whole = main_xml()
    at = whole.rindex(b"<ZAP>")
    yield whole[:at]
    for _ in range(100):
        yield b"\n" * MIB
    yield whole[at:]


@xml("S.815", "text_bytes")
def character_references() -> Iterator[bytes]:
    return inside([b"<X>", *[b"&#x41;" * 100_000] * 20, b"</X>"])


@xml("S.815", "tag_bytes")
def name_of_ten_megabytes() -> Iterator[bytes]:
    return inside([b"<", b"X" * (10 * MIB), b"/>"])


@xml("S.815", "comment_bytes")
def endless_comment() -> Iterator[bytes]:
    return inside([b"<!-- ", *[b"<ZAP> no end " * 80_000] * 60])


@xml("S.815", "comments")
def million_comments() -> Iterator[bytes]:
    return inside([b"<!----><X/>" * 100_000] * 10)


@xml("S.815", "comments")
def million_instructions() -> Iterator[bytes]:
    return inside([b"<?a b?>" * 100_000] * 10)


@xml("S.815", "comment_bytes")
def instruction_of_ten_megabytes() -> Iterator[bytes]:
    return inside([b"<?a ", b"x" * (10 * MIB), b"?>"])


@xml("S.815", "record_elements")
def millions_of_elements_in_a_record() -> Iterator[bytes]:
    return inside([b"<X/>" * 100_000] * 40)


@xml("S.815", "record_bytes")
def record_of_a_hundred_megabytes() -> Iterator[bytes]:
    return inside([(b"<COMENTSL>" + b"x" * 1000 + b"</COMENTSL>") * 1000] * 100)


@xml("S.815", "header_elements")
def million_elements_of_the_header() -> bytes:
    declaration, start, rest = document_parts()
    return declaration + start.replace(b"<ZAP>", b"<X/>" * 1_000_000 + b"<ZAP>", 1) + rest


@xml("S.815", "findings")
def small_elements_that_lack_everything() -> Iterator[bytes]:
    """Five bytes each, and a dozen problems: 750 KB once took a minute and gigabytes."""
    return inside([b"<Z_SL>", b"<SL/>" * 150_000, b"</Z_SL>"])


@xml("S.815", "findings")
def records_that_lack_everything() -> bytes:
    declaration, start, rest = document_parts()
    return declaration + start + b"</ZAP>" + b"<ZAP/>" * 150_000 + b"<ZAP>" + rest


@xml("S.815", "findings")
def unknown_elements_of_many_records() -> bytes:
    declaration, start, rest = document_parts()
    return declaration + start + b"</ZAP>" + (b"<ZAP>" + b"<X/>" * 1000 + b"</ZAP>") * 100 + b"<ZAP>" + rest


@case("S.815", "findings")
def one_number_for_all_persons_and_cases() -> bytes:
    """Every fault of a person is told for every case of that number: 700 of each make half a million."""
    from .documents import main_document, person_document

    main, persons = main_document(700, **{"ZAP/PACIENT/ID_PAC": "p"}), person_document(700, **{"PERS/ID_PAC": "p", "PERS/W": "9"})
    return archive(Part(MAIN, main), Part(PERSONS, persons))


@xml("S.807")
def spaces_without_a_root() -> bytes:
    """A search that tries every way to split the spaces does not end."""
    return b'<?xml version="1.0"?>' + b" " * 100_000 + b"x"


@xml("S.807")
def instructions_without_a_root() -> bytes:
    return b'<?xml version="1.0"?>' + b"<?a?>" * 5000 + b"x"


@xml("S.807")
def closing_tags_without_end() -> Iterator[bytes]:
    """Every one of them makes a careless search look through all that follows."""
    return inside([b"</" * MIB] * 4)


@xml("S.807")
def header_of_one_tag() -> bytes:
    declaration, start, rest = document_parts()
    return declaration + start.replace(b"<ZGLV>", b"<ZGLV>" + b"<YEAR>a </YEAR " * 4000, 1) + rest


@xml("S.807")
def nul_bytes() -> Iterator[bytes]:
    return inside([b" " * 70_000, b"<X>a\0b</X>"])


@xml("S.805", "unsupported")
def nul_bytes_at_the_start() -> bytes:
    return b"\0" * 100 + main_xml()


# --- reading them ----------------------------------------------------------------------------------------------------------


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):  # of this program alone; ru_maxrss also counts what the parent had at the start
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(path: Path) -> dict[str, Any]:
    """Read a file as users do: whether it was refused, the findings, seconds of the call, peak memory of the process."""
    from omsclaims.registry.reader import read_package

    started, worked = time.perf_counter(), time.process_time()
    result = read_package(path)
    clock, seconds = time.perf_counter() - started, time.process_time() - worked
    told = []
    for rule, params in result.findings.select("rule", "params").head(50).iter_rows():
        values = json.loads(params or "{}")
        told.append([rule, values.get("reason") or values.get("limit") or values.get("problem") or ""])
    return {"refused": bool(result.refused), "findings": told, "clock": clock, "seconds": seconds, "peak": peak_megabytes()}


def in_a_process(paths: list[Path]) -> list[dict[str, Any]]:
    """The same in one fresh process, file after file."""
    command = [sys.executable, "-m", "tests.registry.zoo", "--read", *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2], timeout=600, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(found) != len(paths):
        raise RuntimeError(f"after {len(found)} of {len(paths)} files: {done.stderr[-2000:]}")
    return found


def judged(item: Case, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """A case read, and what is wrong with that. Where it took too long it is read again, in case the machine was busy."""
    path = item.write(folder)
    try:
        found = in_a_process([path])[0]
        for _ in range(TRIES - 1):
            if found["seconds"] > MOST_SECONDS:
                found = min(found, in_a_process([path])[0], key=lambda one: float(one["seconds"]))
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return {"clock": 0.0, "seconds": 0.0, "peak": 0.0}, [f"died: {str(error)[-300:]}"]
    wrong = [] if refused(item, found) else [f"not refused for {item.rule} {item.reason}: {found['findings'][:3]}"]
    wrong += ["too slow"] if found["seconds"] > MOST_SECONDS else []
    wrong += ["too much memory"] if found["peak"] > MOST_MEGABYTES else []
    return found, wrong


def refused(item: Case, found: dict[str, Any]) -> bool:
    """Whether the package goes back, with the rule and the reason that are due."""
    return bool(found["refused"]) and [item.rule, item.reason] in found["findings"]


def main(chosen: list[str]) -> int:
    """The table."""
    bad = shown = 0
    print(f"{'case':48} {'rule':6} {'reason':16} {'clock s':>8} {'CPU s':>8} {'peak MB':>8}")
    for item in CASES.values():
        if chosen and not any(part in item.name for part in chosen):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found, wrong = judged(item, Path(folder))
        bad, shown = bad + bool(wrong), shown + 1
        told = f"{item.name:48} {item.rule:6} {item.reason:16} {found['clock']:8.3f} {found['seconds']:8.3f} {found['peak']:8.0f}"
        print(told, *wrong, flush=True)
    print(f"{shown} cases, {bad} not refused as they should be")
    return int(bad > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        for name in sys.argv[2:]:
            print(json.dumps(read(Path(name))), flush=True)
    else:
        sys.exit(main(sys.argv[1:]))
