"""What all tests share: the back ends, and a check that nothing blocks the event loop."""
