"""The server and the workers of one host: how they are set, started, watched and stopped.

Belongs here: their settings, their processes, and what a server must know before the first run (pools, limits,
deployments, automations). Stays out: what runs (`flows`).
"""
