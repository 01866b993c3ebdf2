"""Why a job failed: who failed first, how, what it said, and whether that is a known failure.

Pure, and loaded for jobs that failed alone. A known failure is a row in `patterns`.
"""

from localdlc.why.case import Case, Finding, Others, Tail, Why
from localdlc.why.reasons import why

__all__ = ["Case", "Finding", "Others", "Tail", "Why", "why"]
