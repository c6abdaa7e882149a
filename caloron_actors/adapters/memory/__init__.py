"""Ports kept in memory: whole adapters for tests and simulation, under the same contract suites."""
