"""Reads `multipart/form-data` that brings one file and a few words with it (RFC 7578)."""

from __future__ import annotations

import hashlib

import msgspec
from multipart import MultipartError, ParserLimitReached, PushMultipartParser

from serai.chassis.errors import BadRequest, Invalid, TooLarge, UnsupportedMediaType
from serai.contracts.product.media import Alt

_MAX_PARTS = 8
_MAX_WORDS_BYTES = 4096


class Upload(msgspec.Struct, frozen=True):
    file: bytes
    alt: str
    #: Stands for both.
    digest: bytes


class MalformedMultipart(BadRequest):
    code, detail = "malformed_multipart", "The body is not multipart/form-data as its Content-Type describes it."


def read(content_type: tuple[str, dict[str, str]], body: bytes, *, max_file_bytes: int) -> Upload:
    """`content_type` comes with its parameters.

    The file is the part that has a file name, whatever the part is called: clients differ. Raises
    `UnsupportedMediaType`, `MalformedMultipart`, `TooLarge`, `Invalid`."""
    kind, parameters = content_type
    boundary = parameters.get("boundary")
    if kind != "multipart/form-data" or not boundary:
        raise UnsupportedMediaType("Send the picture as multipart/form-data, with a boundary.")
    files, words = _parts(boundary, body, max_file_bytes)
    errors = [{"field": name, "message": "is not a known field"} for name in words if name != "alt"]
    if not files:
        errors.append({"field": "file", "message": "is required"})
    if len(files) > 1:
        errors.append({"field": "file", "message": "is given more than once; send pictures one by one"})
    if errors:
        raise Invalid(errors=errors)
    try:
        alt = msgspec.convert(words.get("alt", ""), Alt)
    except msgspec.ValidationError:
        raise Invalid(errors=[{"field": "alt", "message": "is longer than 300 characters"}]) from None
    return Upload(files[0], alt, hashlib.sha256(files[0]).digest() + alt.encode())


def _parts(boundary: str, body: bytes, max_file_bytes: int) -> tuple[list[bytes], dict[str, str]]:
    files: list[bytes] = []
    words: dict[str, str] = {}
    chunks: list[bytes] = []
    segment = None
    parser = PushMultipartParser(boundary, max_segment_count=_MAX_PARTS, strict=True)
    try:
        with parser:
            for event in [*parser.parse(body), *parser.parse(b"")]:
                if isinstance(event, (bytes, bytearray)):
                    chunks.append(bytes(event))
                elif event is not None:
                    segment, chunks = event, []
                elif segment is not None and segment.filename is not None:
                    files.append(b"".join(chunks))
                elif segment is not None:
                    name = segment.name or ""
                    if name in words:
                        raise Invalid(errors=[{"field": name, "message": "is given more than once"}])
                    words[name] = _text(name, b"".join(chunks))
    except (ParserLimitReached, MultipartError, UnicodeDecodeError) as error:
        raise MalformedMultipart from error
    if any(len(file) > max_file_bytes for file in files):
        raise TooLarge(f"The file is too large: {max_file_bytes // (1024 * 1024)} MB are the most.")
    return files, words


def _text(name: str, raw: bytes) -> str:
    if len(raw) > _MAX_WORDS_BYTES or b"\x00" in raw:
        raise Invalid(errors=[{"field": name, "message": "is too long, or contains NUL"}])
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid(errors=[{"field": name, "message": "is not UTF-8"}]) from None
