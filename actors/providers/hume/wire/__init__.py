"""What goes over the wire between us and Hume, without I/O."""
