"""``troupe bench``: what servers of the realtime protocol cost, and what they make people wait for.

`results` is what all measurements are written in, whoever takes them; `load` measures a server from outside, `report`
shows what came of it and `compare` what has changed.
"""
