"""A load generator for servers of the OpenAI Realtime protocol, and the servers that the benchmarks put behind it."""
