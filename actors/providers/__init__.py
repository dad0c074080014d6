"""Providers: each a folder with what its API looks like (`wire`) and the actors that speak it, or data for another."""
