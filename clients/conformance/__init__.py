"""The conformance suite: which clients, which cases, and the table of both."""
