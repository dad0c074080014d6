"""The page where one presses a button and talks, and what it is told of the actors behind its session."""
