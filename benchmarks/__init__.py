"""How fast it is: measurements that anybody can repeat with one command, ratios within one run.

Belongs here: programs that time the library against other ways to do the same. Stays out: what decides whether it is
right (`tests`), how well it separates (`varemix.evaluation`).
"""
