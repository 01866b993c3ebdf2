"""Kubernetes quantities (``512Mi``, ``500m``, ``1e3``) as exact numbers.

Source: the grammar of ``resource.Quantity``: a decimal number, then a binary suffix, a decimal
suffix or an exponent.
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from math import ceil

__all__ = ["cpus", "memory_bytes"]

_BINARY = {f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{letter: Decimal(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
}
_SCALES = _BINARY | _DECIMAL
_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,2})|([A-Za-z]{0,2}))", re.ASCII)
# The largest quantity Kubernetes holds; also keeps the arithmetic below small.
_MOST = 2**63 - 1
_LONGEST = 64


def memory_bytes(text: str) -> int:
    """Bytes of a memory quantity, rounded up as Kubernetes does: ``"1.5Gi"`` is 1610612736.

    Raises ValueError with a sentence when the text is no quantity or not above zero.
    """
    amount = _amount(text, "a memory size such as 512Mi, 10Gi or 1e9")
    if amount <= 0:
        raise ValueError("must be more than zero")
    return ceil(amount)


def cpus(text: str) -> float:
    """Cores of a CPU quantity: ``"500m"`` is 0.5.

    Raises ValueError with a sentence when the text is no quantity or not above zero.
    """
    amount = _amount(text, "a number of cores such as 4, 0.5 or 500m")
    if amount <= 0:
        raise ValueError("must be more than zero")
    return float(amount)


def _amount(text: str, expected: str) -> Decimal:
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None or (found[3] or "") not in _SCALES:
        raise ValueError(f"must be {expected}{_unit_hint(text)}")
    with localcontext(prec=3 * _LONGEST):
        amount = Decimal(found[1]).scaleb(int(found[2] or 0)) * _SCALES[found[3] or ""]
        if abs(amount) > _MOST:
            raise ValueError("must be at most 2^63 - 1")
        return amount


def _unit_hint(text: str) -> str:
    """``10GB`` and ``10gb`` were meant as ``10Gi``."""
    found = re.fullmatch(r"([\d.]+)\s*([kmgtpe])i?b?", text, re.ASCII | re.IGNORECASE)
    return f"; did you mean {found[1]}{found[2].upper()}i?" if found else ""
