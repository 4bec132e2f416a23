"""Recordings in and out, sample by sample: the names that the other rooms use.

Samples are float64 [C, S] with full scale at 1. PCM samples that are read and written unchanged keep every bit.
Reading is in `reading` and `decoding`, writing in `writing` and `encoding`, what can be written in `formats`, tags in
`tags`, other rates in `resampling`.
"""

from varemix.media.formats import (
    OUTPUT_FORMATS,
    PCM_BITS,
    AudioInfo,
    OutputFormat,
    as_written,
    has_format,
    info_for_format,
    stem_format,
)
from varemix.media.reading import SERVED_SUFFIXES, AudioReader, probe_audio, read_audio
from varemix.media.resampling import StreamResampler, mono, resample
from varemix.media.writing import AudioWriter

__all__ = [
    "OUTPUT_FORMATS",
    "PCM_BITS",
    "SERVED_SUFFIXES",
    "AudioInfo",
    "AudioReader",
    "AudioWriter",
    "OutputFormat",
    "StreamResampler",
    "as_written",
    "has_format",
    "info_for_format",
    "mono",
    "probe_audio",
    "read_audio",
    "resample",
    "stem_format",
]
