"""Media without an event loop: audio, video, assets, turn-taking."""
