"""One job, wired: its plan to a supervisor, and all that stands around it."""
