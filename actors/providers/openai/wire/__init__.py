"""What goes over the wire, both ways, without I/O: requests as bytes, answers as they come.

Sources: OpenAI's published OpenAPI description (openai/openai-openapi, 2.3.0) and its Python SDK (3.52). Members that
are not known are ignored, and members that servers leave out are not needed, as far as there is sense without them.
"""
