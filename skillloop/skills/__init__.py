"""SKILL.md files: their structure, their history, and how their bytes are changed."""
