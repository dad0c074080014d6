"""The outside world: gateway, Docker, storage, command line."""
