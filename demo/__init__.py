"""A small example that anyone may redistribute, and the program that makes it (`python -m demo.make_demo`).

Belongs here: the tunes, the sound of them, the pictures and the clips made from both.
Stays out: anything the library itself needs; no package imports from this one.
"""
