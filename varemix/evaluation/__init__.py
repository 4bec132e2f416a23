"""How good the separation and the remixes are, in numbers.

Belongs here: the measures themselves (BSS Eval, PEAQ, delta-SNR), the statistics over them, and the tables
and figures that show them, all on arrays.
Stays out: choosing and rendering what is measured (`tasks`), the network (`model`), and the record of the
scores (`catalog`).
"""
