"""An OSS server for tests: HTTP as the vendor's clients speak it, with signatures and faults.

In a test's own process::

    with OssServer() as oss:
        bucket = oss.bucket("data")
        bucket.put("digits/a.csv", b"1,2,3")
        oss.faults.add(Cut(at=1), key="digits/*", times=1)
        ...  # a client at oss.endpoint, with the keys of oss.account
        assert oss.seen.count("ListObjects") == 1

As a process of its own, where the server must not share an interpreter with what is measured:
`OssProcess`, or ``python -m tests.oss --folder DIR``, in which each subfolder is a bucket.
"""

from .faults import Change, Cut, Drip, Faults, Hold, Refuse, Short, Spoil
from .objects import Bucket
from .process import OssProcess
from .seen import Seen, SeenRequest
from .server import OssServer
from .signature import PERMANENT, TEMPORARY, Account

__all__ = [
    "PERMANENT",
    "TEMPORARY",
    "Account",
    "Bucket",
    "Change",
    "Cut",
    "Drip",
    "Faults",
    "Hold",
    "OssProcess",
    "OssServer",
    "Refuse",
    "Seen",
    "SeenRequest",
    "Short",
    "Spoil",
]
