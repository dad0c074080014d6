"""What goes over the wire between us and a Whisper server, without I/O."""
