"""Reads Ansible's inventories, unchanged, as Ansible reads them."""
