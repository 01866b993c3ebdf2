"""What all tests share."""

from __future__ import annotations

import signal

pytest_plugins = [
    *("unasked", "engines", "daemons", "alone", "code_jobs", "fetching", "gpu_engines"),
    "pytester",
]

# Who runs the tests in the background, or under nohup, has these ignored, and so would be every
# program that a test interrupts.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)
