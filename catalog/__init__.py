"""What we know and where it lies: the tables, their schemas, ids, files and lists of videos.

Belongs here: everything that is stored and looked up again, as plain rows, paths and arrays.
Stays out: sound, pictures and networks (`varemix`), and the order of the work (`tasks`, `flows`).

    errors   what can go wrong, as one tree
    ids      ids that are digests of what they name
    files    the home folder, and files that are never half-written
    tables   the schemas, with units
    rows     the check of rows, and what stands for a missing value
    store    reading and merging rows
    sources  lists of videos to learn from; sound_lists, photo_lists, those of sounds and of photos; csv_lists, reading
    masks    the mask files; mask_packing, their arithmetic
"""
