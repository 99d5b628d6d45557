"""Pure: what samples say of a service, the book that keeps it, and how it is drawn."""
