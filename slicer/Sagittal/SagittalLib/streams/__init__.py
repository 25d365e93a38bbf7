"""Live streams: OpenIGTLink, the nodes of the scene that it fills and sends, and the server's pipelines."""
