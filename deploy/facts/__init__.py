"""Facts: one typed reading of one thing, now. Each is a command, a pure parse() and a frozen dataclass."""
