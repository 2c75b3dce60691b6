"""Reading git repositories with git itself."""
