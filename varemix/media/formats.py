"""What an audio file is, and what can be written: containers, codings, depths, and the choice of another format.

Stays out: reading (`reading`, `decoding`) and writing (`writing`, `encoding`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from varemix.errors import MediaError, UsageError
from varemix.media.containers import (
    AIFF,
    APE,
    ASF,
    FLAC,
    MATROSKA,
    MP3,
    MP4,
    MUSEPACK,
    MUSEPACK8,
    OGG,
    TAK,
    WAV,
)
from varemix.media.layouts import OTHER_SIDES, ChannelGroup, channel_groups, layout_name

_HOLD_32_BITS = ("pcm", "wavpack")
_NOT_WRITTEN = (APE, MUSEPACK, MUSEPACK8, TAK)
PCM_BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLOAT_BITS = {"FLOAT": 32, "DOUBLE": 64}


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A coding: its name, ffmpeg's encoder of it (without one it is read only), and what it holds. No rates: any.

    `layouts` are those of more than two channels that the encoder keeps as they are; it would mix any other into one of
    them. Empty for any.
    `bps_per_channel` is the bit rate of a file that was of another format, at 44.1 kHz and above; `bps_limits` are
    those of one channel.
    """

    label: str
    encoder: str = ""
    is_lossy: bool = False
    max_channels: int = 8
    layouts: tuple[str, ...] = ()
    rates_hz: tuple[int, ...] = ()
    bps_per_channel: int | None = None
    bps_limits: tuple[int, int] = (0, 1_000_000)

    def coded_rate_hz(self, rate_hz: int) -> int:
        """Return the rate that samples are coded at: the lowest that keeps their whole band, else the highest."""
        higher = [rate for rate in self.rates_hz if rate >= rate_hz]
        return min(higher) if higher else max(self.rates_hz, default=rate_hz)

    def layout_held(self, layout: str | None, num_channels: int) -> str | None:
        """Return what a layout of more than two channels is called in this coding, None where it cannot hold it.

        What comes from the sides and from behind is the same to many codings, where only one of both is there.
        """
        if num_channels > self.max_channels:
            return None
        named = layout_name(layout, num_channels)
        if not self.layouts:
            return named
        return next((name for name in (named, OTHER_SIDES.get(named)) if name in self.layouts), None)

    def holds(self, layout: str | None, num_channels: int) -> bool:
        """Return whether channels are kept as they are."""
        return num_channels <= min(2, self.max_channels) or self.layout_held(layout, num_channels) is not None


_MPEG_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_VORBIS_LAYOUTS = ("3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # Vorbis I, 4.3.9
_AAC_LAYOUTS = (
    *("2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "5.0", "5.0(side)", "5.1", "5.1(side)"),
    *("hexagonal", "6.1(back)", "7.0", "7.1", "7.1(wide)", "octagonal"),
)
_WMA = Codec(
    label="WMA",
    encoder="wmav2",
    is_lossy=True,
    max_channels=2,
    rates_hz=(8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000),
    bps_per_channel=96_000,
    bps_limits=(24_000, 192_000),
)
_AC3 = Codec(
    label="AC-3",
    encoder="ac3",
    is_lossy=True,
    max_channels=6,
    layouts=(
        *("3.0(back)", "3.0", "quad(side)", "quad", "4.0", "5.0(side)", "5.0"),
        *("2.1", "3.1", "4.1", "5.1(side)", "5.1"),
    ),
    rates_hz=(32_000, 44_100, 48_000),
    bps_per_channel=96_000,
    bps_limits=(32_000, 640_000),
)
_READ_ONLY = {
    "ape": "Monkey's Audio",
    "tak": "TAK",
    "shorten": "Shorten",
    "mp4als": "MPEG-4 ALS",
    "truehd": "TrueHD",
    "mlp": "MLP",
    "wmalossless": "WMA Lossless",
}
_READ_ONLY_LOSSY = {
    "musepack7": "Musepack",
    "musepack8": "Musepack",
    "mp2": "MPEG layer II",
    "dts": "DTS",
    "wmapro": "WMA Pro",
    "wmavoice": "WMA Voice",
    "amr_nb": "AMR",
    "amr_wb": "AMR-WB",
    "pcm_mulaw": "µ-law",
    "pcm_alaw": "A-law",
    "gsm": "GSM",
    "gsm_ms": "GSM",
    "adpcm_ms": "ADPCM",
    "adpcm_ima_wav": "ADPCM",
    "adpcm_ima_qt": "ADPCM",
    "adpcm_yamaha": "ADPCM",
    "mace3": "MACE",
    "mace6": "MACE",
}
CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        "pcm": Codec(label="PCM", encoder="pcm", max_channels=64),
        "flac": Codec(label="FLAC", encoder="flac"),
        "alac": Codec(
            label="ALAC",
            encoder="alac",
            layouts=("3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.1(wide)"),
        ),
        "mp3": Codec(
            label="MP3",
            encoder="libmp3lame",
            is_lossy=True,
            max_channels=2,
            rates_hz=_MPEG_RATES_HZ,
            bps_per_channel=128_000,
            bps_limits=(8_000, 320_000),
        ),
        "aac": Codec(
            label="AAC",
            encoder="aac",
            is_lossy=True,
            layouts=_AAC_LAYOUTS,
            rates_hz=(7_350, *_MPEG_RATES_HZ, 64_000, 88_200, 96_000),
            bps_per_channel=128_000,
            bps_limits=(8_000, 288_000),
        ),
        # The bit rate of quality 6; libvorbis knows which quality a bit rate stands for only at some rates.
        "vorbis": Codec(label="Vorbis", encoder="libvorbis", is_lossy=True, layouts=_VORBIS_LAYOUTS),
        "opus": Codec(
            label="Opus",
            encoder="libopus",
            is_lossy=True,
            layouts=("3.0", "quad", "5.1", "7.1"),  # ffmpeg exchanges the channels of 5.0 and of 6.1
            rates_hz=(8_000, 12_000, 16_000, 24_000, 48_000),
            bps_per_channel=80_000,
            bps_limits=(6_000, 255_000),
        ),
        "wmav2": _WMA,
        "wmav1": replace(_WMA, encoder="wmav1"),
        "ac3": _AC3,
        "eac3": replace(_AC3, label="E-AC-3", encoder="eac3"),
        "wavpack": Codec(label="WavPack", encoder="wavpack"),
        "tta": Codec(label="TTA", encoder="tta"),
        **{name: Codec(label=label) for name, label in _READ_ONLY.items()},
        **{name: Codec(label=label, is_lossy=True) for name, label in _READ_ONLY_LOSSY.items()},
    }
)


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What an audio file is, or the sound of a video: enough to write another one like it.

    `container` is one of those of `container_of`, `codec` a key of CODECS; without one it is the container's own.
    `subtype` is the depth of the samples: 'PCM_U8', 'PCM_S8', 'PCM_16', 'PCM_24', 'PCM_32', 'FLOAT' or 'DOUBLE';
    codings that lose something give 'FLOAT'. `bit_rate_bps` is that of such a coding, its mean where
    `is_variable_rate`; None where it goes by quality. `channel_layout` is ffmpeg's name of the loudspeakers
    that three channels and more are for, None where the file names none.
    `has_picture` tells a video; cover art is none. `stream_index` is the place of the sound among all streams,
    `audio_stream` among those of sound.
    `coded_as` says how the file is coded, or of how many bits, where nobody writes that; container, codec and subtype
    are then what is nearest to it. `doubt` says where the file is otherwise than it promises, and what counts.
    """

    container: str
    subtype: str
    rate_hz: int
    num_channels: int
    num_samples: int
    codec: str = ""
    bit_rate_bps: int | None = None
    is_variable_rate: bool = False
    channel_layout: str | None = None
    has_picture: bool = False
    stream_index: int = 0
    audio_stream: int = 0
    coded_as: str = ""
    doubt: str = ""

    def __post_init__(self) -> None:
        """Fill in the container's own coding."""
        if not self.codec:
            object.__setattr__(self, "codec", "flac" if self.container == FLAC else "pcm")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.rate_hz

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """The channels that are heard and remixed together. Raises MediaError where they are too many."""
        return channel_groups(self.channel_layout, self.num_channels)

    @property
    def written_as(self) -> str | None:
        """The format of OUTPUT_FORMATS that the file becomes where nobody writes its own; None where it keeps it."""
        codec = CODECS[self.codec]
        is_written = codec.encoder and codec.holds(self.channel_layout, self.num_channels)
        if self.has_picture or (self.container not in _NOT_WRITTEN and is_written):
            return None
        is_deep = self.subtype in FLOAT_BITS and not self.is_lossy
        return "wav" if is_deep or self.num_channels > CODECS["flac"].max_channels else "flac"

    @property
    def is_lossy(self) -> bool:
        """Whether what is read, when written again, is no longer the same; an unchanged file is to be copied."""
        return CODECS[self.codec].is_lossy


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    """A format that can be asked for by name; `suffix` is that of its files."""

    container: str
    codec: str
    suffix: str
    subtypes: tuple[str, ...]


_FLOAT_ONLY = ("FLOAT",)
OUTPUT_FORMATS: Mapping[str, OutputFormat] = MappingProxyType(
    {
        "wav": OutputFormat(
            container=WAV,
            codec="pcm",
            suffix=".wav",
            subtypes=("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
        ),
        "aiff": OutputFormat(
            container=AIFF,
            codec="pcm",
            suffix=".aiff",
            subtypes=("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
        ),
        "flac": OutputFormat(container=FLAC, codec="flac", suffix=".flac", subtypes=("PCM_S8", "PCM_16", "PCM_24")),
        "alac": OutputFormat(container=MP4, codec="alac", suffix=".m4a", subtypes=("PCM_16", "PCM_24")),
        "mp3": OutputFormat(container=MP3, codec="mp3", suffix=".mp3", subtypes=_FLOAT_ONLY),
        "ogg": OutputFormat(container=OGG, codec="vorbis", suffix=".ogg", subtypes=_FLOAT_ONLY),
        "opus": OutputFormat(container=OGG, codec="opus", suffix=".opus", subtypes=_FLOAT_ONLY),
        "m4a": OutputFormat(container=MP4, codec="aac", suffix=".m4a", subtypes=_FLOAT_ONLY),
        "wma": OutputFormat(container=ASF, codec="wmav2", suffix=".wma", subtypes=_FLOAT_ONLY),
    }
)


def stem_format(container: str, written_as: str | None) -> str | None:
    """Return the format of stems cut out of a file of that container, None for its own.

    What may be a video has stems in FLAC; what nobody writes has them in the format that it is `written_as`.
    """
    return "flac" if container in {MP4, MATROSKA} else written_as


def as_written(info: AudioInfo, format_name: str | None = None) -> tuple[AudioInfo, str]:
    """Return what to write when a file like `info` becomes another one, and what is to be told of it, or nothing.

    It keeps its format where that can be written, unless another one is named; see `info_for_format`. FLAC, ALAC
    and TTA of more than 24 bits become such of 24.
    """
    wanted = format_name or info.written_as
    target = info if wanted is None else info_for_format(info, wanted)
    if target.subtype == "PCM_32" and target.codec not in _HOLD_32_BITS:
        target = replace(target, subtype="PCM_24", coded_as=target.coded_as or "32 bits")
    target = replace(target, doubt="")
    label = CODECS[target.codec].label
    was = target.coded_as or (CODECS[info.codec].label if info.written_as else "")
    is_own = format_name in (None, info.written_as) or has_format(info, format_name)
    if not was or not is_own:
        return replace(target, coded_as=""), info.doubt
    bits = PCM_BITS.get(target.subtype)
    now = f"{label} of {bits} bits" if bits else label
    said = f"of {was}" if was.endswith(" bits") else f"coded as {was}"
    note = f"its sound is {said}, which is not written here; it became {now}"
    return replace(target, coded_as=""), "; ".join(filter(None, [info.doubt, note]))


def has_format(info: AudioInfo, name: str) -> bool:
    """Return whether a recording is already of the format of OUTPUT_FORMATS called so."""
    wanted = OUTPUT_FORMATS[name]
    return (info.container, info.codec, info.has_picture) == (wanted.container, wanted.codec, False)


def info_for_format(info: AudioInfo, name: str) -> AudioInfo:
    """Return what to write when a file like `info` is wanted in another format; a file that is in it stays as it is.

    The depth is the source's where the format has it, else the nearest deeper one, else 24 bits; what was decoded
    from a coding that loses something gets 24 bits. The sound of a video comes without its picture. The suffix of the
    new file is `OUTPUT_FORMATS[name].suffix`. Rates that the format does not have are resampled in writing.
    Raises UsageError for an unknown name, MediaError when the format does not hold such channels.
    """
    wanted = OUTPUT_FORMATS.get(name)
    if wanted is None:
        raise UsageError(f"'{name}' is no format that can be written; one of {', '.join(OUTPUT_FORMATS)} is expected.")
    if has_format(info, name):
        return info
    codec = CODECS[wanted.codec]
    if info.num_channels > codec.max_channels:
        raise MediaError(
            f"{codec.label} holds at most {codec.max_channels} channels, and the recording has {info.num_channels}. "
            "Ask for flac, or for wav."
        )
    if not codec.holds(info.channel_layout, info.num_channels):
        raise MediaError(
            f"{codec.label} does not keep apart what the recording has: "
            f"{layout_name(info.channel_layout, info.num_channels)}. Ask for flac, or for wav."
        )
    is_same_coding = info.codec == wanted.codec
    return replace(
        info,
        container=wanted.container,
        codec=wanted.codec,
        subtype=_nearest_subtype(info, wanted),
        bit_rate_bps=info.bit_rate_bps if is_same_coding else _usual_bit_rate_bps(info, codec),
        is_variable_rate=is_same_coding and info.is_variable_rate,
        has_picture=False,
        stream_index=0,
        audio_stream=0,
    )


def _nearest_subtype(info: AudioInfo, wanted: OutputFormat) -> str:
    if wanted.subtypes == _FLOAT_ONLY:
        return "FLOAT"
    if info.subtype in wanted.subtypes and not info.is_lossy:
        return info.subtype
    bits = 24 if info.is_lossy else PCM_BITS.get(info.subtype, 24)
    return next((subtype for subtype in wanted.subtypes if PCM_BITS.get(subtype, 0) >= bits), "PCM_24")


def _usual_bit_rate_bps(info: AudioInfo, codec: Codec) -> int | None:
    if codec.bps_per_channel is None:
        return None
    share = min(1.0, info.rate_hz / 44_100)
    return round(codec.bps_per_channel * info.num_channels * share / 1000) * 1000
