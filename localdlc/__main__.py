"""``python -m localdlc`` is ``localdlc``."""

from localdlc.cli import main

main()
