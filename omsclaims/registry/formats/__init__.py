"""Which elements may a registry file have, of what type and where do they go? Format tables (order 79 of FFOMS as amended).

One CSV per edition in this folder, one line per element; a later edition names its `base` in index.yaml and its CSV states the
differences alone. The reader, the writer, the checks of structure and the documentation all take their knowledge from here.

The canonical shape: structures that repeat (and ZAP, PACIENT, Z_SL, SANK always) are tables, as are repeated leaves; other
structures are flattened into the table of their parent; the columns of a table are the union over all editions of its family.
`model` says what a line means, `tables` reads and finds editions, `canonical` is the union, `overlay` puts in what a region adds.
"""

from omsclaims.registry.formats.canonical import (
    canonical_columns,
    canonical_tables,
    column_types,
    empty_table,
    person_tables,
    scale_of,
)
from omsclaims.registry.formats.model import (
    EXCEPTIONS,
    EXTRA,
    KEYS,
    PERSONAL,
    PLACE,
    PLACED,
    TYPES,
    Copy,
    Family,
    Field,
    Form,
    Format,
    FormatChoice,
    FormatError,
)
from omsclaims.registry.formats.overlay import OverlayError, load_overlays, overlaid, read_overlay
from omsclaims.registry.formats.tables import Overlays, find_format, format_ids, get, result_format_of

__all__ = [
    "EXCEPTIONS",
    "EXTRA",
    "KEYS",
    "PERSONAL",
    "PLACE",
    "PLACED",
    "TYPES",
    "Copy",
    "Family",
    "Field",
    "Form",
    "Format",
    "FormatChoice",
    "FormatError",
    "OverlayError",
    "Overlays",
    "canonical_columns",
    "canonical_tables",
    "column_types",
    "empty_table",
    "find_format",
    "format_ids",
    "get",
    "load_overlays",
    "overlaid",
    "person_tables",
    "read_overlay",
    "result_format_of",
    "scale_of",
]
