"""Hume's Octave: speech that is acted, with an emotion and how strong it is, and voices.

Hume has announced that access to the API ends on 2026-11-13. `wire` has what goes over the wire, without I/O;
`endpoint` says where the API is; `speech` has the actor.
"""
