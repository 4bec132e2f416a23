"""Files that people hand over, and files handed back: recordings, videos, pictures.

Belongs here: reading, checking, decoding and writing them and their tags, the outside programs and downloads this
takes, and the resampling and loudness of plain samples.
Stays out: what the sound means (`varemix.signal`, `varemix.model`) and where files lie in the home
(`catalog`).
Everything here distrusts its input: types are told by content, sizes are limited, names never become options.
"""
