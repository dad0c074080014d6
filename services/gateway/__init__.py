"""The servers that clients talk to: protocols as pure data and state, apart from the transports that carry them."""
