"""Services of others, for tests that know nothing of them: each listens on PORT and sends OTLP where it is told to."""
