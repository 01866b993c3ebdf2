"""Whole plans, as a person reads them, compared with what they were.

``REWRITE_GOLDEN=1 pytest tests/unit/plan`` writes the texts anew; read the difference in git.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from given import planned

from localdlc.config import CodeSource

GOLDEN = Path(__file__).parent / "golden"
SETTINGS: dict[str, Any] = {
    "map": {
        "oss://bucket.oss-cn-beijing.aliyuncs.com": Path("/data/bucket"),
        "d-abc": Path("/data/abc"),
    },
    "image_map": {"registry.cn/tf:2.15": "tf:local"},
    "code_sources": {
        "code-1": CodeSource("https://ann:s3cr3t-t0ken@git.example/ml/train.git", commit="abc")
    },
}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_a_plan_reads_as_it_did(file: Path) -> None:
    text = f"{planned(json.loads(file.read_text()), **SETTINGS)}\n"
    golden = file.with_suffix(".txt")
    if "REWRITE_GOLDEN" in os.environ:
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_plan_as_text_shows_no_secret() -> None:
    plan = planned(json.loads((GOLDEN / "ddp.json").read_text()), **SETTINGS)
    shown = f"{plan}{json.dumps(plan.to_json())}"
    assert {"hf_abcdefgh", "1234-5678", "s3cr3t-t0ken"} == set(plan.secret_values())
    assert not [secret for secret in plan.secret_values() if secret in shown]
