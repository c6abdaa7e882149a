"""The forge over HTTP: GitHub's REST dialect and git's smart protocol."""
