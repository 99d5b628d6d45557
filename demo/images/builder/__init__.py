"""Builds the demo's Docker images from this machine's own files, without a Docker engine."""
