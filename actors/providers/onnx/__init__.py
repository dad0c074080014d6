"""Models in ONNX files as providers: those that turn texts into vectors."""
