"""The commands, a group a module: options in, checks that need no flow, then the flow. `flows.cli` lists them.

Stays out: what the flows do, and how results are shown (`flows.terminal`).
"""
