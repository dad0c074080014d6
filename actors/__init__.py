"""Providers, voice sessions, jobs and routing, each an actor."""
