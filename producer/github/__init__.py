"""Reading commits from GitHub's API, within its limits."""
