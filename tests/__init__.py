"""Tests of Ozwald; they mirror its packages."""
