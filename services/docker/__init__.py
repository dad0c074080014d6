"""Services in containers: manifests, Compose files, and the actor that keeps a container running."""
