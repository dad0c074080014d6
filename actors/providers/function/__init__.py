"""A Python function as a provider: it writes, hears, speaks, or turns texts into vectors."""
