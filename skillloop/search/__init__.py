"""The loop: propose, verify, keep or discard."""
