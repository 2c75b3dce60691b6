"""The local stack: every service of the pipeline as processes of this machine, without Docker."""
