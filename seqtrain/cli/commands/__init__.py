"""The commands, one file for each: parse, call, print. Heavy imports stand inside the bodies."""
