"""The checksum that OSS gives, by either library."""

from __future__ import annotations

import os

import pytest

from localdlc.stage import crc64 as module
from localdlc.stage.crc64 import Crc64, by_oss2, crc64


@pytest.mark.parametrize("after", [crc64(), by_oss2()], ids=["quickest", "oss2"])
def test_it_is_that_of_xz_in_one_go_and_in_parts(after: Crc64) -> None:
    assert after(b"123456789", 0) == 0x995DC9BBDF1939FA  # the check value of CRC-64/XZ
    assert after(b"6789", after(b"", after(b"12345", 0))) == 0x995DC9BBDF1939FA


def test_both_libraries_agree_on_any_bytes() -> None:
    data = b"\0" + os.urandom(100_000)
    assert crc64()(data, 1) == by_oss2()(data, 1)


def test_without_liblzma_there_is_oss2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIBRARY", "liblzma-that-nobody-has.so")
    assert crc64.__wrapped__()(b"123456789", 0) == 0x995DC9BBDF1939FA
