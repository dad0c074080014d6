"""Speech by the browser of a session's page: it hears and speaks, and these actors stand for it on the server."""
