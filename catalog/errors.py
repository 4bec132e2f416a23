"""Every error of the catalog that a person can mend, as one tree.

    CatalogError
    ├── IdError            an id, or a part of one, that cannot be
    ├── HomeError          a home folder that cannot be used, or a path that leaves it
    ├── TableError         rows that do not fit their table, or a table that cannot be read
    ├── SourceListError    a list of what to learn from that cannot be used
    └── MaskFileError      a file that is not a mask file, or does not hold what was asked

Each message says what was found, what was expected and what to do.
"""


class CatalogError(Exception):
    """Base of all errors of the catalog."""


class IdError(CatalogError):
    """An id, or a part of one, that cannot be."""


class HomeError(CatalogError):
    """A home folder that cannot be used, or a path that leaves it."""


class TableError(CatalogError):
    """Rows that do not fit their table, or a table that cannot be read."""


class SourceListError(CatalogError):
    """A list of what to learn from that cannot be used."""


class MaskFileError(CatalogError):
    """A file that is not a mask file, or does not hold what was asked."""
