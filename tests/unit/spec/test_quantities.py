"""Kubernetes quantities."""

from __future__ import annotations

import pytest

from localdlc.spec.quantity import cpus, memory_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1), ("1024", 1024), ("1Ki", 1024), ("512Mi", 512 << 20), ("10Gi", 10 << 30),
        ("1.5Gi", 1610612736), ("2Ti", 2 << 40), ("1Pi", 1 << 50), ("1k", 1000), ("1M", 10**6),
        ("1G", 10**9), ("1e3", 1000), ("1E3", 1000), ("1E", 10**18), ("1.e3", 1000), (".5Ki", 512),
        ("100m", 1), ("1500m", 2), ("+5", 5), ("12e-1", 2),
    ],
)  # fmt: skip
def test_memory(text: str, expected: int) -> None:
    assert memory_bytes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1.0), ("0.5", 0.5), ("500m", 0.5), ("1e1", 10.0), ("250000u", 0.25)],
)
def test_cores(text: str, expected: float) -> None:
    assert cpus(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "512Mi, 10Gi or 1e9"), ("lots", "512Mi"), ("10 Gi", "did you mean 10Gi?"),
        ("10GB", "did you mean 10Gi?"),
        ("10gb", "did you mean 10Gi?"), ("10g", "did you mean 10Gi?"),
        ("1e1000", "512Mi"), ("1e99", "at most"), ("16Ei", "at most"), ("9" * 100, "512Mi"),
        ("0", "more than zero"), ("-1Gi", "more than zero"), ("٣Gi", "512Mi"), ("1Gi\n", "512Mi"),
        ("0x10", "512Mi"), ("1_000", "512Mi"), ("NaN", "512Mi"), (".", "512Mi"), ("1e3Gi", "512Mi"),
    ],
)  # fmt: skip
def test_no_memory(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        memory_bytes(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "two", "0", "-1", "1Xi"])
def test_no_cores(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        cpus(text)
