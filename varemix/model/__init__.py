"""The networks: pictures become queries, queries and a mix become masks.

Belongs here: the vision network, the sound network, the synthesizer, their assembly, their files.
Stays out: learning (`varemix.training`), remixing (`varemix.remix` works from stored masks).
"""
