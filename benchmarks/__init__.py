"""Timings side by side, in one run on one machine, so that their ratios mean something where the times themselves don't."""
