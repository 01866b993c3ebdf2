"""What people and programs read: jobs as they happen (`printers`), and afterwards (`views`)."""

from localdlc.terminal.lines import write_all
from localdlc.terminal.printers import JsonPrinter, TextPrinter
from localdlc.terminal.views import (
    cache_table,
    env_text,
    job_table,
    job_text,
    log_line,
    removed_text,
    setting_text,
    swept_text,
)

__all__ = [
    "JsonPrinter",
    "TextPrinter",
    "cache_table",
    "env_text",
    "job_table",
    "job_text",
    "log_line",
    "removed_text",
    "setting_text",
    "swept_text",
    "write_all",
]
