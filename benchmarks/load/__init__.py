"""The servers that benchmarks put under a load, and loads on them."""
