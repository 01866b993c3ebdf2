"""Recognise handwritten digits, as one task of many: its share is by Slurm's variables."""

import os

import neighbours


def main():
    task, tasks = (int(os.environ[name]) for name in ("SLURM_PROCID", "SLURM_NTASKS"))
    known, unknown = neighbours.load()
    share = unknown[task::tasks]
    right = neighbours.right(share, known)
    print(f"task {task} on {os.uname().nodename}: {right} of {len(share)} right")


if __name__ == "__main__":
    main()
