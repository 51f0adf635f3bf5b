"""What the client's hooks run. Each module stands alone and imports the standard library only."""
