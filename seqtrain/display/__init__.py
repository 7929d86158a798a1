"""Text as terminals, tables and spreadsheets may show it."""
