"""The desk's HTTP routes, a module a subject, which ends with its `ROUTES`.

What they answer with is made behind `desk.studio`.
"""
