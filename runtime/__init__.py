"""The actor runtime: typed messages, bounded mailboxes, supervision."""
