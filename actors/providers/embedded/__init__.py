"""Speech and a demonstration model without keys, network or GPU: to try things out, not to be proud of."""
