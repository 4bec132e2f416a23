"""How a remix reads masks that are unsure: one exponent on what falls to each instrument.

At 1 a mask is taken at its word. Below, a mute takes more of what is only partly the instrument's, and of the rest with
it; above, it takes only what surely is, and keeps the rest cleaner. Stays out: where it is applied (`gains`), and how
deep a mute then is (`mute_depth`).
"""

PLAIN = 1.0
MASK_EXPONENT_LIMITS = (0.25, 4.0)
