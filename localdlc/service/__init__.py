"""What the doors call: one method an action, named as DLC names it."""

from localdlc.service.service import Reading, Service

__all__ = ["Reading", "Service"]
