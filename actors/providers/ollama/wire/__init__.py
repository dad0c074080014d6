"""What goes over the wire, both ways, without I/O: requests as bytes, answers line by line.

Sources: Ollama's server (0.32: `api/types.go`, `server/routes.go`) and its Python client (0.6). Members that are not
known are ignored; counts that are zero are left out by the server.
"""
