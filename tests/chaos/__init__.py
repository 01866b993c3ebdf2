"""Random kills under short jobs, and what must hold afterwards: ``make chaos``.

`scenario` says what is run and what is struck when, `runner` does it, `checker` judges what is
left.
"""
