"""The config's language: sections, strict YAML, messages, JSON schema."""
