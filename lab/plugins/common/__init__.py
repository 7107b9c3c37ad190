"""What the stand-in plugins share: the gRPC server, property values, and the engine's log."""
