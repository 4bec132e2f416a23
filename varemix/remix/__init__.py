"""From masks and wishes to sound.

Belongs here: gains in dB, the paper's equation (1), stems, rendering of files block by block.
Stays out: the networks. Masks come in as arrays, whoever made or stored them.
"""
