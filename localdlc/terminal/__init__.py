"""What people and programs read: jobs as they happen (`printers`), and afterwards (`views`)."""

from localdlc.terminal.lines import write_all
from localdlc.terminal.printers import JsonPrinter, TextPrinter
from localdlc.terminal.views import job_table, job_text, log_line, setting_text, swept_text

__all__ = [
    "JsonPrinter",
    "TextPrinter",
    "job_table",
    "job_text",
    "log_line",
    "setting_text",
    "swept_text",
    "write_all",
]
