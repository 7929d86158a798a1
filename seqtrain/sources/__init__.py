"""What datasets share: turn files or generators into examples."""
