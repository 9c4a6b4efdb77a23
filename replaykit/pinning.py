"""Runs inside a cluster's workers before anything of ours is imported there."""

import os
import sys


def pin() -> int:
    """Set the number of polars threads to one; return how many there are."""
    loaded = sys.modules.get("polars")
    if loaded is not None:
        return int(loaded.thread_pool_size())
    os.environ["POLARS_MAX_THREADS"] = "1"
    return 1
