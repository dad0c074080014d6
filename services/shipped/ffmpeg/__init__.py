"""Media jobs by ffmpeg, each in a container of its own that has no network and can change nothing but its result.

`commands` says how ffmpeg is called, `media` has the actor. Its messages are those of `troupe.actors.media`, whose
`LocalMedia` does the same without a container.
"""
