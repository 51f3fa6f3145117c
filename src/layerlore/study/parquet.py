"""The Parquet files of a study: the same rows give the same bytes, and what is damaged is told, never shown."""

from __future__ import annotations

import contextlib
import io
import json
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from layerlore.errors import FileFormatError
from layerlore.study.folder import SCHEMA, canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import pyarrow.parquet as pq

KEY = b"layerlore"
"""Key of our JSON among a Parquet file's metadata."""

LEVEL = 9
"""Of compression: a sixth smaller than with the usual one; more costs time and wins little."""

PAGE = 8 << 20
"""Bytes of a page at most: maps are packed best all together."""


def parquet_bytes(table: pa.Table, content: Mapping[str, Any]) -> bytes:
    """A Parquet file with our JSON in its metadata; the same table gives the same bytes."""
    buffer = io.BytesIO()
    with parquet_writer(buffer, table.schema, content) as write:
        write(table)
    return buffer.getvalue()


@contextlib.contextmanager
def parquet_writer(
    file: BinaryIO, schema: pa.Schema, content: Mapping[str, Any]
) -> Iterator[Callable[[pa.Table], None]]:
    """Write tables into one file, one after the other, with our JSON in its metadata.

    Maps are stored byte by byte of their numbers: high bytes first, then low ones, which packs better.

    Args:
        file: Where to.
        schema: Of all the tables.
        content: Our JSON.

    Yields:
        A function that writes a table.
    """
    import pyarrow.parquet as pq

    text = canonical_json({**content, "crc32": _checksum(content)})
    kinds = {name: schema.field(name).type for name in schema.names}
    repeated = [name for name, kind in kinds.items() if not pa.types.is_floating(kind) and not pa.types.is_nested(kind)]
    told = schema.with_metadata({KEY: text.encode()})
    with pq.ParquetWriter(
        file,
        told,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=repeated,
        data_page_size=PAGE,
        column_encoding={"map.list.element": "BYTE_STREAM_SPLIT"} if "map" in kinds else None,
        write_page_checksum=True,  # so that a damaged page is told, not shown
        store_schema=True,
    ) as writer:
        yield lambda table: writer.write_table(table.replace_schema_metadata(told.metadata))


def _checksum(content: Mapping[str, Any]) -> int:
    """Checksum of our JSON; Parquet has its own for the columns only."""
    return zlib.crc32(canonical_json({key: value for key, value in content.items() if key != "crc32"}).encode())


def read_parquet(
    path: Path,
    schema: pa.Schema,
    *,
    way_out: str,
    columns: Sequence[str] | None = None,
    since: Mapping[str, int] = MappingProxyType({}),
) -> pa.Table:
    """Read a file that :func:`parquet_bytes` made, with its metadata.

    Args:
        path: The file.
        schema: Columns that it must have, each of its type; more are left out.
        way_out: What to do where it cannot be used, for the message.
        columns: Only these.
        since: Format version that brought a column; in older files it is null everywhere.

    Raises:
        FileFormatError: It is missing, damaged, of another kind, or from a newer LayerLore.
    """
    wanted = list(columns or schema.names)
    with _opened(path, schema, way_out, since) as file:
        table = file.read(columns=wanted, use_threads=False)
    for name in set(wanted) - set(table.column_names):
        kind = schema.field(name)
        table = table.append_column(kind, pa.nulls(len(table), kind.type))
    return table.select(wanted)


def check_parquet(path: Path, schema: pa.Schema, *, way_out: str) -> dict[str, Any]:
    """Check every page of a file as :func:`read_parquet` does, a part at a time; returns our JSON.

    Raises:
        FileFormatError: As for :func:`read_parquet`.
    """
    with _opened(path, schema, way_out) as file:
        for number in range(file.num_row_groups):
            file.read_row_group(number, columns=schema.names, use_threads=False)
        content: dict[str, Any] = json.loads(file.schema_arrow.metadata[KEY])
    return content


@contextlib.contextmanager
def _opened(
    path: Path, schema: pa.Schema, way_out: str, since: Mapping[str, int] = MappingProxyType({})
) -> Iterator[pq.ParquetFile]:
    """A file of the kind that is wanted; whatever goes wrong while it is read is told in one line."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_kind(path, file.schema_arrow, schema, way_out, since)
            yield file
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file; {way_out}") from error
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")[:160]
        raise FileFormatError(f"{path}: damaged ({reason}); {way_out}") from error


def _check_kind(path: Path, found: pa.Schema, wanted: pa.Schema, way_out: str, since: Mapping[str, int]) -> None:
    """Refuse tables of other programs and of the future.

    Raises:
        FileFormatError: It is one.
        LookupError: It does not say what it is.
        ValueError: What it says was changed; or a column is missing, or of another type.
    """
    text = (found.metadata or {}).get(KEY)
    if text is None:
        raise FileFormatError(f"{path}: not written by LayerLore; {way_out}")
    content = json.loads(text)
    version = content["schema"]
    if not isinstance(version, int) or version > SCHEMA:
        raise FileFormatError(
            f"{path}: written in format version {version}, this LayerLore reads up to {SCHEMA}; update LayerLore"
        )
    if content["crc32"] != _checksum(content):
        raise ValueError("what it says of itself was changed")
    for column in wanted:
        if column.name not in found.names and version < since.get(column.name, 0):
            continue
        if column.name not in found.names or found.field(column.name).type != column.type:
            raise ValueError(f"no column {column.name} of type {column.type}")
