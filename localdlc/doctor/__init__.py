"""``localdlc doctor``: whether this machine can run jobs, one line a check, each with its mend.

`engine` and `machine` judge what is said of them and are pure but for looking; `trials` start real
containers on a network of their own, and remove them whatever happens.
"""

from localdlc.doctor.check import Check, State
from localdlc.doctor.examining import examine

__all__ = ["Check", "State", "examine"]
