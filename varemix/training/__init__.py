"""Learning to hear: recipes, examples made by mixing, the loss, the loop.

Belongs here: everything that changes weights. Stays out: where clips and checkpoints are recorded (`catalog`).
"""
