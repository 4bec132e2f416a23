"""The library: hear a pictured instrument in a mix, and remix.

Belongs here: everything about audio, pictures, networks, masks, remixing and scores, on arrays, tensors and files.
Stays out: orchestration (`tasks`, `flows`) and the record of what was done (`catalog`).

Axes are named alike everywhere:

    B  batch        N  sources      C  channels          S  samples
    F  linear bins  L  log rows     R  rows of masks     T  spectrum frames
    K  feature maps P  pictures of one source            H x W  pixels
"""
