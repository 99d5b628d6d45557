"""Carries a plan out on the hosts."""
