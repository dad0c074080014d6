"""Providers: each a folder with what its API looks like (`wire`) and the actor that speaks it (`actor`)."""
