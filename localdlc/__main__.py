"""``python -m localdlc`` is ``localdlc``."""

from localdlc.cli import entry

entry()
