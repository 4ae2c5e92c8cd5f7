"""The algorithm: arrays in, arrays out. No clock, file, log or configuration in here."""
