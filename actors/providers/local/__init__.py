"""Speech and language on this machine, as actors over the engines of `troupe.actors.inference`: no key, no network."""
