"""Media jobs: other formats, parts, joins, thumbnails, loudness.

`jobs` has the messages, which are the same whoever does the work; `local` does it with our own codecs. A container with
ffmpeg does it in `troupe.services.shipped.ffmpeg`.
"""
