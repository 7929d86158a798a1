"""Text for terminals, tables and spreadsheets."""
