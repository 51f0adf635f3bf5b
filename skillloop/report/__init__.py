"""Self-contained HTML reports. The door to jinja2 for everything that a person opens in a browser.

Invariant: a report loads nothing: style and pictures (inline SVG) are in the file. Text from outside is escaped.
"""
