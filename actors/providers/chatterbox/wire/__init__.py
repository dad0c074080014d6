"""What goes over the wire between us and a Chatterbox server, without I/O."""
