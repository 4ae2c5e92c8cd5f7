"""What the engine costs and how right it is, measured; run from the root of the repository."""
