"""What the servers inside the images share: limits, refusals, slots for an engine, audio in and out."""
