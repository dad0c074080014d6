"""Speech and language on this machine: plain synchronous engines, each one model or library behind one small object.

Nothing here waits for anything but the CPU, and nothing knows of actors: an actor owns an engine and calls it in a
worker thread or a worker process. `engines` says what an engine looks like, `catalogue` which there are.
"""
