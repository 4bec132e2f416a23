"""Spectra and masks as arrays of numbers.

Belongs here: the transform, the log-frequency grid, masks made from known sources, smoothing of masks.
Stays out: files, networks, wishes in dB.
"""
