"""Small executables that take the place of the official Pulumi plugins on a registry-only machine."""
