"""Known failures, by subject: one row each. The first of two rows that fit the same words wins."""

from localdlc.why.patterns.command import COMMAND
from localdlc.why.patterns.data import DATA
from localdlc.why.patterns.gpu import GPU
from localdlc.why.patterns.machine import MACHINE
from localdlc.why.patterns.memory import MEMORY
from localdlc.why.patterns.network import NETWORK
from localdlc.why.patterns.packages import PACKAGES
from localdlc.why.patterns.row import Pattern

__all__ = ["PATTERNS", "UNCAUGHT", "Pattern"]

PATTERNS: tuple[Pattern, ...] = (
    *MEMORY,
    *GPU,
    *NETWORK,
    *DATA,
    *COMMAND,
    *PACKAGES,
    *MACHINE,
)

# Not a known failure, but how Python tells one: used when no row fits.
UNCAUGHT = Pattern(
    name="exception",
    text=r"^(?:\w+\.)*(?P<error>\w*(?:Error|Exception|Interrupt|Exit|Iteration))(?::.*)?$",
    says="It ended with a {error} that nothing caught.",
    do="Its traceback says where; `localdlc logs` has all of it.",
)
