"""Output of replicas made fit to be shown: whole lines, readable, progress bars at rest."""

from __future__ import annotations

from typing import IO, AnyStr

__all__ = ["collapsed", "cut", "readable", "write_all"]


def collapsed(data: bytes) -> bytes:
    """Of a progress bar only what the terminal would show in the end.

    The last carriage return of an unfinished line stays, as the mark of a bar at work.
    """
    mark = b"\r" if data.endswith(b"\r") else b""
    shown = (line.rstrip(b"\r").rpartition(b"\r")[2] for line in data.split(b"\n"))
    return b"\n".join(shown) + mark


def cut(data: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and the beginning of the next."""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def readable(data: bytes) -> bytes:
    """UTF-8 as it is; any other byte visible as ``\\xNN``."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace").encode()
    return data


def write_all(stream: IO[AnyStr], data: AnyStr) -> None:
    """With PYTHONUNBUFFERED a stream is a raw file, which may take only a part at a time."""
    while data:
        data = data[stream.write(data) or 0 :]
