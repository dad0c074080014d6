"""``troupe bench peers``: other frameworks, and two floors, under the same load as Troupe."""
