"""Text of many languages: words, similarity, and the redaction of credentials."""
