"""What people and programs read: jobs as they happen (`printers`), and afterwards (`views`)."""
