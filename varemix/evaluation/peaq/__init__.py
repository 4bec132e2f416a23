"""PEAQ, basic version: how audible the difference between a recording and its copy is, as one grade.

Belongs here: the measure of Recommendation ITU-R BS.1387-1 (Annex 2) with the ear model that works on spectra: the
spectra of frames (`frames`, `spectra`), what the ear makes of them (`bands`, `ear`), loudness and modulation
(`patterns`), the eleven model output variables (`movs`, `detection`, `harmonics`) and the network that makes the grade
of them (`odg`).
Stays out: the advanced version (another measure, with other numbers), alignment of the signals, reading of files.

The grade was trained on coding artifacts judged by listeners. What it says of separated, remixed or equalised sound is
no more than an indication. Where the text of the Recommendation leaves a choice, it is named beside the code; the
independent implementations that exist differ by some hundredths of a grade for the same reason, and so does this one.

Axes here: C channels, S samples, T frames of 1024 new samples, F spectral bins of 23.4 Hz, Z 109 critical bands.
"""

from varemix.evaluation.peaq.measure import PeaqResult, peaq
from varemix.evaluation.peaq.movs import ModelOutputVariables

__all__ = ["ModelOutputVariables", "PeaqResult", "peaq"]
