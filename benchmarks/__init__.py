"""Measurements side by side with what a user would use instead, as ratios of medians in one run."""
