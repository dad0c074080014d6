"""What goes over the wire, and what it means; nothing here waits for anything."""
