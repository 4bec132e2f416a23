"""The tables of the catalog and their schemas: what each column means and in which unit.

Belongs here: names, types, units, descriptions, and the words a status can be. Stays out: reading and writing
(`catalog.store`).

The path of data runs videos -> clips, beside them sounds and photos, -> checkpoints -> scores -> decisions, and
tracks -> masks -> remixes. Each field
carries the metadata `unit` ("" where there is none), `description`, and `choices` (words joined by '|') where
only some words are allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import pyarrow as pa

_TEXT = pa.string()
_COUNT = pa.int64()
_NUMBER = pa.float64()
_MOMENT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Table:
    """A table: its name, the column that tells its rows apart, its columns, and what a row stands for.

    One that may have millions of rows is spread over parts by `spread_by`, the column of text that its rows are most
    often asked for by; the same key always comes with the same value there. See `catalog.parts`.
    """

    name: str
    key: str
    schema: pa.Schema
    description: str
    spread_by: str | None = None

    def choices(self, column: str) -> tuple[str, ...]:
        """The words that `column` can hold; empty if it can hold any."""
        words = (self.schema.field(column).metadata or {}).get(b"choices", b"").decode()
        return tuple(words.split("|")) if words else ()

    @cached_property
    def required(self) -> frozenset[str]:
        """The columns that every row must fill."""
        return frozenset(field.name for field in self.schema if not field.nullable)


def _column(name: str, type_: pa.DataType, description: str, unit: str = "", choices: str = "") -> pa.Field:
    """A column that every row must fill."""
    metadata = {"unit": unit, "description": description}
    if choices:
        metadata["choices"] = choices
    return pa.field(name, type_, nullable=False, metadata=metadata)


def _optional(name: str, type_: pa.DataType, description: str, unit: str = "") -> pa.Field:
    """A column that a row may leave out."""
    return _column(name, type_, description, unit).with_nullable(True)


def _table(name: str, key: str, description: str, *fields: pa.Field, spread_by: str | None = None) -> Table:
    """A table with the columns that all tables end with."""
    run_id = _optional("run_id", _TEXT, "the flow run of Prefect that made what this row tells of, where one did")
    updated_at = _column("updated_at", _MOMENT, "when this row was last written", "UTC")
    schema = pa.schema([*fields, run_id, updated_at])
    return Table(name=name, key=key, schema=schema, description=description, spread_by=spread_by)


def _reason() -> pa.Field:
    return _optional("reason", _TEXT, "why the status is what it is, for a person to read")


def _licence() -> pa.Field:
    return _optional("licence", _TEXT, "its licence as its list says; 'unstated', or missing, where it says nothing")


_VIDEOS = _table(
    "videos",
    "video_id",
    "a video to learn from",
    _column("video_id", _TEXT, "the id that its list gives it; YouTube's where it comes from there"),
    _column("instrument", _TEXT, "the instrument heard and seen, such as acoustic_guitar"),
    _column("split", _TEXT, "the part of the data set", choices="train|val|test"),
    _optional("url", _TEXT, "where it was fetched from"),
    _column("status", _TEXT, "whether its file can be used", choices="ready|unavailable|failed"),
    _reason(),
    _optional("path", _TEXT, "its file, relative to the data folder"),
    _optional("num_bytes", _COUNT, "size of its file", "B"),
    _optional("digest", _TEXT, "SHA-256 of its file"),
    _optional("source", _TEXT, "the list that named it"),
    _licence(),
    _optional("ask_again_at", _MOMENT, "before then its server is not to be asked for it again; none if any time"),
)

_CLIPS = _table(
    "clips",
    "video_id",
    "the sound and the frames of a video, ready to learn from",
    _column("video_id", _TEXT, "the video it comes from"),
    _column("clip_id", _TEXT, "digest of the video and of the settings of its preparation"),
    _column("instrument", _TEXT, "the instrument heard and seen"),
    _column("split", _TEXT, "the part of the data set", choices="train|val|test"),
    _column("status", _TEXT, "whether it can be used", choices="ready|failed"),
    _reason(),
    _optional("wav_path", _TEXT, "its sound, relative to the data folder"),
    _optional("frames_path", _TEXT, "its frames, relative to the data folder"),
    _optional("wav_digest", _TEXT, "SHA-256 of the file of its sound"),
    _optional("frames_digest", _TEXT, "SHA-256 of the file of its frames"),
    _optional("duration_s", _NUMBER, "length of its sound", "s"),
    _optional("rate_hz", _COUNT, "sample rate of its sound", "Hz"),
    _optional("num_frames", _COUNT, "number of its pictures"),
    _optional("frame_rate_hz", _NUMBER, "pictures a second", "Hz"),
    _optional("loudness_lufs", _NUMBER, "integrated loudness (ITU-R BS.1770)", "LUFS"),
    _optional("silent_fraction", _NUMBER, "part of its sound that is silent, 0 to 1"),
    _licence(),
)

_OF_SOURCE = (
    _column("source", _TEXT, "the list that named it"),
    _column("file", _TEXT, "its file, as the list names it"),
    _optional("source_bytes", _COUNT, "size of that file", "B"),
    _optional("source_modified_ns", _COUNT, "when that file was last changed, since 1970", "ns"),
    _optional("source_digest", _TEXT, "SHA-256 of that file"),
)

_SOUNDS = _table(
    "sounds",
    "sound_id",
    "a clip of sound without pictures, ready to learn from",
    _column("sound_id", _TEXT, "digest of list, file and place in the file"),
    _optional("clip_id", _TEXT, "digest of the file's content, the place in it and the settings of its preparation"),
    _column("label", _TEXT, "the instrument heard; x_... for what has no name and is nobody's"),
    _column(
        "kind",
        _TEXT,
        "played phrase, single note, phrase of a sound font, or stem that sounds with others of its piece",
        choices="phrase|notes|synth|ensemble",
    ),
    _column("group", _TEXT, "who plays: player, repository, or sound font"),
    _column("split", _TEXT, "the part of the data set", choices="train|val|test"),
    _optional("piece", _TEXT, "what is played; clips of one piece of the kind ensemble have the same time line"),
    _optional("pitch_hz", _NUMBER, "pitch of a single note, where it is known", "Hz"),
    _licence(),
    _column("status", _TEXT, "whether it can be used", choices="ready|unavailable|failed|gone"),
    _reason(),
    *_OF_SOURCE,
    _column("source_first_sample", _COUNT, "where it begins in that file, at the file's own rate"),
    _optional("source_num_samples", _COUNT, "how long it is there; to the end if missing"),
    _optional("source_rate_hz", _COUNT, "the file's own rate", "Hz"),
    _optional("wav_path", _TEXT, "the file that holds its sound, with that of others, relative to the data folder"),
    _optional("wav_digest", _TEXT, "SHA-256 of that file"),
    _optional("first_sample", _COUNT, "where it begins in that file"),
    _optional("num_samples", _COUNT, "samples a channel"),
    _optional("rate_hz", _COUNT, "sample rate of its sound", "Hz"),
    _optional("duration_s", _NUMBER, "length of its sound", "s"),
    _optional("level_db", _NUMBER, "RMS of its sound", "dBFS"),
    _optional("peak_db", _NUMBER, "highest sample of its sound", "dBFS"),
    _optional("loudness_lufs", _NUMBER, "integrated loudness (ITU-R BS.1770); missing below 0.4 s", "LUFS"),
    _optional("silent_fraction", _NUMBER, "part of its sound that is silent, 0 to 1"),
    _optional("clipped_fraction", _NUMBER, "part of its samples in that file at full scale or past it, 0 to 1"),
)

_PHOTOS = _table(
    "photos",
    "photo_id",
    "a photo without a video, ready to learn from",
    _column("photo_id", _TEXT, "digest of list and file"),
    _optional("picture_id", _TEXT, "digest of the file's content and of the settings of its preparation"),
    _column("instrument", _TEXT, "the instrument seen, or none"),
    _optional("owner", _TEXT, "whose photo it is: a photographer, or a repository"),
    _column("split", _TEXT, "the part of the data set", choices="train|val|test"),
    _licence(),
    _column("status", _TEXT, "whether it can be used", choices="ready|unavailable|failed|gone"),
    _reason(),
    *_OF_SOURCE,
    _optional("path", _TEXT, "its picture, relative to the data folder"),
    _optional("digest", _TEXT, "SHA-256 of its picture"),
    _optional("num_bytes", _COUNT, "size of its picture", "B"),
    _optional("width_pixels", _COUNT, "width of its picture"),
    _optional("height_pixels", _COUNT, "height of its picture"),
)

_CHECKPOINTS = _table(
    "checkpoints",
    "checkpoint_id",
    "a trained network",
    _column("checkpoint_id", _TEXT, "digest of recipe, data and seed"),
    _column("recipe", _TEXT, "name of the recipe"),
    _column("settings_json", _TEXT, "all settings of the recipe, as JSON"),
    _column("clips_version", _COUNT, "version of the table clips that it was trained on"),
    _optional("sounds_version", _COUNT, "version of the table sounds that it was trained on, if on any"),
    _optional("photos_version", _COUNT, "version of the table photos that it was trained on, if on any"),
    _optional("parent_id", _TEXT, "the model that training started from"),
    _column("seed", _COUNT, "seed of all its random numbers"),
    _optional("num_steps", _COUNT, "optimizer steps taken"),
    _optional("validation_loss", _NUMBER, "loss on the validation examples"),
    _optional("path", _TEXT, "its file, relative to the data folder"),
    _optional("digest", _TEXT, "SHA-256 of its file"),
    _column("stage", _TEXT, "what it serves as", choices="candidate|champion|retired|shipped"),
    _reason(),
    _optional("pinned", _TEXT, "why what it made is kept whether it is the champion or not; none if it is not pinned"),
    _optional("seconds", _NUMBER, "time that training took", "s"),
)

_TRACKS = _table(
    "tracks",
    "track_id",
    "a recording of a library",
    _column("track_id", _TEXT, "digest of library and path"),
    _column("library", _TEXT, "the library's folder, absolute"),
    _column("track_path", _TEXT, "its file, relative to the library"),
    _optional("content_digest", _TEXT, "SHA-256 of its file"),
    _optional("num_bytes", _COUNT, "size of its file", "B"),
    _optional("modified_ns", _COUNT, "when its file was last changed, since 1970", "ns"),
    _column("status", _TEXT, "whether it can be read", choices="ready|failed|gone"),
    _reason(),
    _optional("container", _TEXT, "format of its file, such as FLAC"),
    _optional("subtype", _TEXT, "coding of its samples, such as PCM_24"),
    _optional("written_as", _TEXT, "the format that a remix of it has, where nobody writes its own; else none"),
    _optional("rate_hz", _COUNT, "sample rate", "Hz"),
    _optional("num_channels", _COUNT, "number of channels"),
    _optional("channel_groups", _TEXT, "the groups of channels that are analysed apart, such as FL+FR FC; none if one"),
    _optional("num_samples", _COUNT, "samples a channel"),
    _optional("duration_s", _NUMBER, "length", "s"),
    _optional("tags_json", _TEXT, "what its common tags say, as JSON"),
    spread_by="track_id",
)

_MASKS = _table(
    "masks",
    "mask_id",
    "the masks of a track",
    _column("mask_id", _TEXT, "digest of track, model, queries and settings"),
    _column("track_id", _TEXT, "the track"),
    _optional("content_digest", _TEXT, "SHA-256 of the track's file when the masks were made"),
    _column("checkpoint_id", _TEXT, "the model that analysed the track"),
    _optional("settings_json", _TEXT, "settings of the masks, as JSON"),
    _optional("queries", pa.list_(_TEXT), "names of the instruments, in the file's order"),
    _column(
        "besides", _TEXT, "what may play besides `queries`; anything if missing", choices="anything|nothing"
    ).with_nullable(True),
    _optional("channel_groups", _TEXT, "the groups of channels that were analysed apart; none if one"),
    _optional("audio_stream", _COUNT, "the audio stream that was analysed, from 1 on; the first if missing"),
    _optional("presences_db", pa.list_(_NUMBER), "how far each of `queries` plays, 0 all of the mix to -100", "dB"),
    _optional(
        "group_presences_db", pa.list_(_NUMBER), "the same in each group of its channels, query after query", "dB"
    ),
    _optional("presence_threshold_db", _NUMBER, "the level from which the model takes it to play", "dB"),
    _optional("own_thresholds_json", _TEXT, "that of instruments which have another one, in dB by name, as JSON"),
    _optional(
        "heard_by", _TEXT, "who separated which instruments besides the model, as JSON; none if it separated all"
    ),
    _optional("path", _TEXT, "the mask file, relative to the data folder"),
    _optional("bits", _COUNT, "bits a bin", "bit"),
    _optional("num_frames", _COUNT, "spectrum frames"),
    _optional("num_bytes", _COUNT, "size of the mask file", "B"),
    _optional("digest", _TEXT, "SHA-256 of the mask file"),
    _column("status", _TEXT, "whether the masks can be used", choices="ready|failed|removed"),
    _reason(),
    _optional("seconds", _NUMBER, "time that making them took", "s"),
    spread_by="content_digest",
)

_REMIXES = _table(
    "remixes",
    "remix_id",
    "a remixed track",
    _column("remix_id", _TEXT, "digest of track, masks and settings"),
    _column("track_id", _TEXT, "the track"),
    _optional("content_digest", _TEXT, "SHA-256 of the track's file when it was remixed"),
    _optional("mask_id", _TEXT, "the masks it was made with"),
    _optional("checkpoint_id", _TEXT, "the model that made the masks"),
    _column("wishes_json", _TEXT, "the mix settings, as JSON"),
    _optional("out_path", _TEXT, "the remixed file, absolute"),
    _optional("digest", _TEXT, "SHA-256 of the remixed file"),
    _column("status", _TEXT, "what became of it", choices="remixed|unchanged|failed"),
    _reason(),
    _optional("clipped_samples", _COUNT, "samples that had to be clipped"),
    _optional("peak_db", _NUMBER, "highest sample of the remixed file", "dBFS"),
    _optional("before_lufs", _NUMBER, "integrated loudness of the track (ITU-R BS.1770) where it was filtered", "LUFS"),
    _optional("after_lufs", _NUMBER, "integrated loudness of the remixed file", "LUFS"),
    _optional("gain_db", _NUMBER, "how much louder the whole was made for its loudness", "dB"),
    _optional("limited_samples", _COUNT, "samples that the limiter changed, channels counted each"),
    _optional("reduction_db", _NUMBER, "how far the limiter turned down at most", "dB"),
    _optional("rule", _TEXT, "the rule of the plan that decided, empty for none"),
    _optional("seconds", _NUMBER, "time that remixing took", "s"),
    spread_by="out_path",
)

_SNAPSHOT = (
    _column("checkpoint_id", _TEXT, "the model"),
    _column("catalog_version", _COUNT, "version of the table clips that it was scored on"),
    _column("split", _TEXT, "the part of the data set", choices="train|val|test"),
    _column("seed", _COUNT, "seed of the choice of pairs"),
    _column("pair_id", _TEXT, "what was mixed, a pair of clips or sounds or more, and the pictures that asked"),
)

_MATERIAL = _column(
    "material", _TEXT, "what was mixed; clips if missing", choices="clips|pair|ensemble|stranger"
).with_nullable(True)

_SCORES = _table(
    "scores",
    "score_id",
    "how well a model separated one instrument of one mix",
    _column("score_id", _TEXT, "digest of model, pair, condition and instrument"),
    *_SNAPSHOT,
    _MATERIAL,
    _optional("num_sources", _COUNT, "how many instruments were mixed"),
    _column("condition", _TEXT, "what the scored mask was made from, such as image or ideal_binary"),
    _column("instrument", _TEXT, "the instrument that was separated"),
    _optional("other_instrument", _TEXT, "the instruments that it was mixed with, joined by ' + '"),
    _optional("shown_instrument", _TEXT, "the instrument in the picture that asked, where a picture shows one"),
    _optional("sdr_db", _NUMBER, "signal to distortion ratio (BSS Eval 3)", "dB"),
    _optional("nsdr_db", _NUMBER, "SDR less that of the mix itself", "dB"),
    _optional("sir_db", _NUMBER, "signal to interference ratio (BSS Eval 3)", "dB"),
    _optional("sar_db", _NUMBER, "signal to artifacts ratio (BSS Eval 3)", "dB"),
    _optional("level_db", _NUMBER, "RMS of the estimate, relative to that of the mix; -120 for silence", "dB"),
    _optional("presence_db", _NUMBER, "how far the picture's instrument plays, 0 all of the mix to -100", "dB"),
    _column("status", _TEXT, "whether the numbers can be used"),
    _reason(),
)

_REMIX_SCORES = _table(
    "remix_scores",
    "score_id",
    "how near the remix of one mix comes to its true sources, mixed anew at one balance",
    _column("score_id", _TEXT, "digest of model, pair, balance, method and smoothing"),
    *_SNAPSHOT,
    _column("instrument", _TEXT, "the instrument of the first source"),
    _column("other_instrument", _TEXT, "that of the second"),
    _column("weight_tenths", _COUNT, "weight of the first source in tenths, 0..10; the second has the rest"),
    _column("method", _TEXT, "how it was made", choices="remix|separate_and_add"),
    _optional("smoothing_s", _NUMBER, "time constant with which the masks were smoothed, 0 not at all", "s"),
    _column("decay", _NUMBER, "the same as it used to be told: what is left after 11.6 ms, 0 to below 1"),
    _optional("odg", _NUMBER, "PEAQ grade beside the true sources, 0 imperceptible to -4 very annoying"),
    _optional("sdr_db", _NUMBER, "signal to distortion ratio beside the true sources, at most 100", "dB"),
    _optional("nsdr_db", _NUMBER, "SDR less that of the mix itself", "dB"),
    _optional("lsd_db", _NUMBER, "log-spectral distance from the true sources", "dB"),
    _optional("delta_snr_db", _NUMBER, "how much nearer to the true sources it is than the mix itself", "dB"),
    _reason(),
)

_GAIN_SCORES = _table(
    "gain_scores",
    "score_id",
    "how far a gain that was set of one instrument of one mix was achieved",
    _column("score_id", _TEXT, "digest of model, pair, instrument and setting"),
    *_SNAPSHOT,
    _column("instrument", _TEXT, "the instrument that was made louder or softer"),
    _column("wished_db", _NUMBER, "the change of level that was set, -inf for mute", "dB"),
    _optional("target_db", _NUMBER, "the change of the instrument's own level", "dB"),
    _optional("rest_db", _NUMBER, "the change of the level of everything else", "dB"),
    _optional("delta_snr_db", _NUMBER, "how much nearer to the true remix it is than the mix itself", "dB"),
    _optional("odg", _NUMBER, "PEAQ grade beside the true remix, where it was asked for, 0 to -4"),
    _reason(),
)

_SMOOTHING_SCORES = _table(
    "smoothing_scores",
    "score_id",
    "what smoothing a binary mask gains for one instrument of one mix",
    _column("score_id", _TEXT, "digest of model, pair, instrument, masks and smoothing"),
    *_SNAPSHOT,
    _column("instrument", _TEXT, "the instrument"),
    _column("masks", _TEXT, "whose binary masks: ideal ones, or those that a still image asked for"),
    _column("method", _TEXT, "the smoothing", choices="zlbm|cbm"),
    _column("settings", _TEXT, "its settings, such as smoothing_s=0.052"),
    _optional("smoothing_s", _NUMBER, "the time constant of ZLBM", "s"),
    _optional("decay", _NUMBER, "the same as it used to be told: what is left after 11.6 ms, 0 to below 1"),
    _optional("gain_db", _NUMBER, "fall of the error beside the ideal ratio mask; above 0 is better", "dB"),
    _reason(),
)

_PRESENCE_SCORES = _table(
    "presence_scores",
    "score_id",
    "whether an instrument that a model knows was taken to play in one mix",
    _column("score_id", _TEXT, "digest of model, mix and instrument"),
    *_SNAPSHOT,
    _MATERIAL,
    _column("sounding", _TEXT, "the instruments of the mix, joined by ' + '; a stranger's label where it is one"),
    _column("instrument", _TEXT, "the instrument that was asked for by its name"),
    _column("status", _TEXT, "whether it plays in truth", choices="plays|absent"),
    _column("presence_db", _NUMBER, "how far it plays, 0 all of the mix to -100", "dB"),
    _column("threshold_db", _NUMBER, "the level from which the model takes it to play", "dB"),
    _reason(),
)

_DECISIONS = _table(
    "decisions",
    "decision_id",
    "what was decided about the champion, by the scheduled pipeline or by hand",
    _column("decision_id", _TEXT, "digest of the moment and of what was decided"),
    _column("decided_at", _MOMENT, "when it was decided", "UTC"),
    _column("kind", _TEXT, "what was decided", choices="promoted|kept|rolled_back|by_hand|not_retrained"),
    _optional("challenger_id", _TEXT, "the model it was about, none where none was trained"),
    _optional("champion_before_id", _TEXT, "the champion until then; none while the built-in model served"),
    _optional("champion_after_id", _TEXT, "the champion from then on; none where the built-in model serves"),
    _optional("split", _TEXT, "the part of the data set that both were compared on"),
    _optional("num_scores", _COUNT, "how many sources both have a score of"),
    _optional("champion_nsdr_db", _NUMBER, "mean NSDR of the champion before on them", "dB"),
    _optional("challenger_nsdr_db", _NUMBER, "mean NSDR of the challenger on them", "dB"),
    _optional("difference_low_db", _NUMBER, "lower end of the interval of challenger less champion", "dB"),
    _optional("difference_high_db", _NUMBER, "upper end of it", "dB"),
    _optional("verdict", _TEXT, "what the comparison says of the challenger: better, worse or undecided"),
    _reason(),
    _optional("run_name", _TEXT, "the flow run that decided, as it is called in the Prefect UI"),
)

_ALL = (
    *(_VIDEOS, _CLIPS, _SOUNDS, _PHOTOS, _CHECKPOINTS, _TRACKS, _MASKS, _REMIXES),
    *(_SCORES, _PRESENCE_SCORES, _REMIX_SCORES, _GAIN_SCORES, _SMOOTHING_SCORES),
    _DECISIONS,
)
TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _ALL})
