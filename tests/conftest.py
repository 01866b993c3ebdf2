"""What all tests share."""

from __future__ import annotations

pytest_plugins = [
    *("unasked", "engines", "daemons", "alone", "code_jobs", "fetching", "gpu_engines"),
    "pytester",
]
