"""A trained network: opened, asked, and evaluated."""
