"""The small program around one agent's process: it claims the run, starts the command, watches it and records its end.

It outlives the service. Standard library only, so that an upgrade of the service cannot take modules away under it.
"""
