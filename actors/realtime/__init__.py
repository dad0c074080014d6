"""The OpenAI Realtime protocol as pure data: events, session configuration, errors and their two dialects; no I/O."""
