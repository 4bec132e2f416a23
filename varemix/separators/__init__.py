"""Separators: whatever says which share of each bin of a mix belongs to an instrument.

Belongs here: the interface that all of them have (`interface`), our own network behind it (`ours`), and what is made of
others' answers. Stays out: the network itself (`model`), files that keep masks (`catalog`), what masks are used for
(`remix`, `evaluation`).
"""
