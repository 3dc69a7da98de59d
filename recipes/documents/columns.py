"""From Arrow columns to a `Batch`: every check on a document's values, in one place for every format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from infolaw.errors import RecipeError

from ..batch import Batch
from ..cell import CELL_NAME
from ..sampling.domains import present
from ..sampling.hashing import row_ids, xxh64
from .mapping import Columns, from_path, split_source
from .shard import Shard

MOST_TOKENS = 2**40
"""More tokens in one document are an error of the column; sums of billions of documents stay below 64 bits."""

MOST_BUCKETS = 1000


def assemble(arrays: Mapping[str, Any], shard: Shard, columns: Columns, first_row: int, n_rows: int) -> Batch:
    """Make a batch of Arrow arrays, one for each of `columns.needed()`.

    Parameters
    ----------
    arrays : mapping of str to pyarrow.Array
        By column name, each of `n_rows`.
    first_row : int
        Row of the file, from 0, that the batch begins with.

    Raises
    ------
    RecipeError
        On a missing id, domain or token count, a negative one, an infinite score, a column of another kind; the
        message names file, row (from 1), column and value.
    """
    make = _Maker(shard, first_row, n_rows)
    domain, domains = make.domain(arrays, columns)
    scores = np.empty((len(columns.scores), n_rows))  # a row a criterion, turned at the end: columns stay whole
    for index, score in enumerate(columns.scores):
        make.score(score.column, arrays[score.column], scores[index])
    return Batch(
        ids=make.ids(columns.id, arrays[columns.id] if columns.id else None),
        domain=domain,
        domains=domains,
        tokens=make.tokens(arrays, columns),
        scores=scores.T,
        bucket=make.bucket(arrays, columns),
    )


@contextmanager
def whole_file(shard_name: str) -> Iterator[None]:
    """Turn what a reader says of a broken file into one sentence that names it."""
    try:
        yield
    except FileNotFoundError:
        raise RecipeError(f"{shard_name}: the file is gone; it was there when the corpus was opened.") from None
    except pa.ArrowNotImplementedError as error:
        raise RecipeError(f"{shard_name}: holds what cannot be read here ({' '.join(str(error).split())}).") from None
    except (OSError, pa.ArrowException, EOFError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecipeError(f"{shard_name}: truncated or corrupt ({reason}); fetch it again or leave it out.") from None


class _Maker:
    """The columns of one batch, with where they stand for messages."""

    def __init__(self, shard: Shard, first_row: int, n_rows: int) -> None:
        self.shard, self.first_row, self.n_rows = shard, first_row, n_rows

    def wrong(self, row: int, column: str, what: str) -> RecipeError:
        """Return the error of one value."""
        return RecipeError(f"{self.shard.name}: row {self.first_row + row + 1}: column {column} {what}")

    def refuse(self, bad: NDArray[np.bool_], column: str, values: Any, rule: str) -> None:
        """Raise at the first bad row."""
        if bad.any():
            row = int(np.argmax(bad))
            raise self.wrong(row, column, f"= {values[row]}; {rule}")

    def present(self, column: str, array: Any, remedy: str) -> None:
        """Raise at the first null."""
        if array.null_count:
            row = int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
            raise self.wrong(row, column, f"is missing; {remedy}")

    def ids(self, column: str | None, array: Any) -> NDArray[np.uint64]:
        """64-bit ids: integers as they stand, text hashed, rows of the file where there is no column."""
        if column == "":
            return np.zeros(self.n_rows, np.uint64)
        if column is None:
            return row_ids(self.shard.fingerprint, np.arange(self.first_row, self.first_row + self.n_rows, dtype=np.uint64))
        self.present(column, array, "every document needs an id, or give --id none to number them by file and row.")
        array = _decoded(array)
        if pa.types.is_integer(array.type):
            whole = array if pa.types.is_uint64(array.type) else array.cast(pa.int64())
            return np.ascontiguousarray(_values(whole)).view(np.uint64)
        if pa.types.is_fixed_size_binary(array.type):
            array = array.cast(pa.binary())
        if not _is_text(array.type):
            raise self.wrong(0, column, f"holds {array.type}; ids are whole numbers or text.")
        return xxh64(*_bytes_and_offsets(array))

    def tokens(self, arrays: Mapping[str, Any], columns: Columns) -> NDArray[np.int64]:
        """Token counts, read or derived from the text's bytes."""
        if columns.tokens_per_byte is not None:
            text = _decoded(arrays[columns.text])
            self.present(columns.text, text, "--tokens-per-byte needs the text of every document.")
            if not _is_text(text.type):
                raise self.wrong(0, columns.text, f"holds {text.type}, no text; name the text's column.")
            lengths = _values(pc.binary_length(text)).astype(np.float64)
            return np.asarray(np.floor(lengths * columns.tokens_per_byte + 0.5), dtype=np.int64)
        column = str(columns.tokens)
        array = arrays[column]
        self.present(column, array, "every document needs a token count; give --tokens-per-byte where there is none.")
        if pa.types.is_integer(array.type):
            values = _values(array)
        else:
            values = self.floats(column, array)
            with np.errstate(invalid="ignore"):
                self.refuse(values != np.floor(values), column, values, "a count of tokens is whole.")
        if values.size and not 0 <= values.min() <= values.max() <= MOST_TOKENS:
            bad = (values < 0) | (values > MOST_TOKENS)
            self.refuse(bad, column, values, f"a count of tokens lies in 0 to {MOST_TOKENS}.")
        return np.ascontiguousarray(values, dtype=np.int64)

    def score(self, column: str, array: Any, into: NDArray[np.float64]) -> None:
        """Write scores, NaN where missing, to `into`."""
        from ..sampling.sample_kernels import copy_finite

        values = np.ascontiguousarray(self.floats(column, array))
        if copy_finite(values, into):
            self.refuse(np.isinf(values), column, values, "a score is finite, or left out where it is missing.")

    def floats(self, column: str, array: Any) -> NDArray[np.float64]:
        """Numbers as float64, nulls as NaN; numbers written as text are read."""
        array = _decoded(array)
        if pa.types.is_null(array.type):
            return np.full(self.n_rows, np.nan)
        if _is_text(array.type):
            array = self._parsed(column, array)
        if not (_is_number(array.type) or pa.types.is_boolean(array.type)):
            raise self.wrong(0, column, f"holds {array.type}; a number is expected.")
        return np.asarray(_values(array.cast(pa.float64(), safe=False)), dtype=np.float64)

    def _parsed(self, column: str, array: Any) -> Any:
        try:
            return array.cast(pa.float64())
        except pa.ArrowInvalid:
            for row, text in enumerate(array.to_pylist()):
                try:
                    float(text if text is not None else "nan")
                except ValueError:
                    raise self.wrong(row, column, f"= {text!r}; a number is expected.") from None
            raise

    def domain(self, arrays: Mapping[str, Any], columns: Columns) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Codes and names of domains."""
        kind, source = split_source(columns.domain)
        if kind != "column":
            name = source if kind == "value" else from_path("domain", source, self.shard.name)
            self._check_domain(name, columns.domain)
            return np.zeros(self.n_rows, dtype=np.int32), (name,)
        codes, names = self.codes(source, arrays[source])
        if "" in names or (codes < 0).any():
            if columns.missing_domain is None:
                empty = names.index("") if "" in names else -1
                row = int(np.argmax((codes < 0) | (codes == empty)))
                raise self.wrong(row, source, "names no domain; give --missing-domain NAME for such documents.")
            names = [name or columns.missing_domain for name in (*names, "")]
            codes = np.where(codes < 0, np.int32(len(names) - 1), codes)
        codes, names = _merged(codes, names)
        for name in names:
            self._check_domain(name, source)
        return codes, tuple(names)

    def _check_domain(self, name: str, source: str) -> None:
        if not name or CELL_NAME.fullmatch(name) or "\n" in name:
            raise RecipeError(
                f"{self.shard.name}: {source} gives the domain {name!r}, which reads as a quality bucket or as nothing; "
                "rename it."
            )

    def bucket(self, arrays: Mapping[str, Any], columns: Columns) -> NDArray[np.int16] | None:
        """Stated quality buckets, 0 = best."""
        if columns.bucket is None:
            return None
        kind, source = split_source(columns.bucket)
        if kind == "path":
            return np.full(
                self.n_rows, self._rank(from_path("bucket", source, self.shard.name), 0, source, columns), np.int16
            )
        self.present(source, arrays[source], "every document needs its bucket, or build without --bucket.")
        codes, names = self.codes(source, arrays[source])
        used = np.bincount(codes, minlength=len(names)) > 0
        first = [int(np.argmax(codes == code)) if used[code] else 0 for code in range(len(names))]
        ranks = [self._rank(name, first[code], source, columns) if used[code] else 0 for code, name in enumerate(names)]
        return np.array(ranks, dtype=np.int16)[codes]

    def _rank(self, label: str, row: int, source: str, columns: Columns) -> int:
        if columns.bucket_labels:
            if label in columns.bucket_labels:
                return columns.bucket_labels.index(label)
            raise self.wrong(row, source, f"= {label!r}; the buckets are {', '.join(columns.bucket_labels)}.")
        match = re.fullmatch(r"q?(\d{1,3})", label)
        if match is None:
            raise self.wrong(
                row, source, f"= {label!r}; a bucket is 0, 1 ... or q0, q1 ... (0 = best), at most {MOST_BUCKETS}."
            )
        return int(match[1])

    def codes(self, column: str, array: Any) -> tuple[NDArray[np.int32], list[str]]:
        """Codes (-1 = missing) and names of a column of labels."""
        if pa.types.is_null(array.type):
            return np.full(self.n_rows, -1, dtype=np.int32), []
        if not pa.types.is_dictionary(array.type):
            if pa.types.is_integer(array.type) or pa.types.is_boolean(array.type):
                array = array.cast(pa.string())
            if not _is_text(array.type):
                raise self.wrong(0, column, f"holds {array.type}; labels are text or whole numbers.")
            array = array.dictionary_encode()
        indices = array.indices
        codes = _values(indices.fill_null(-1) if indices.null_count else indices).astype(np.int32, copy=False)
        return codes, [str(name) if name is not None else "" for name in array.dictionary.to_pylist()]


def _merged(codes: NDArray[np.int32], names: list[str]) -> tuple[NDArray[np.int32], list[str]]:
    """Leave out names that no row uses and join names that stand twice."""
    used = present(codes, len(names))
    if used.all() and len(set(names)) == len(names):
        return codes, names
    kept = list(dict.fromkeys(name for name, is_used in zip(names, used, strict=True) if is_used))
    position = {name: code for code, name in enumerate(kept)}
    return np.array([position.get(name, -1) for name in names], dtype=np.int32)[codes], kept


def _values(array: Any) -> NDArray[Any]:
    """Numbers of an Arrow array as they lie in memory; floats that are missing as NaN."""
    if array.null_count or not len(array):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    kind = np.dtype(array.type.to_pandas_dtype())
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)


def _decoded(array: Any) -> Any:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: Any) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return bool(binary or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _bytes_and_offsets(array: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bytes and offsets of a text array without nulls, as Arrow holds them."""
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    kind: Any = np.int64 if wide else np.int32
    ends = np.frombuffer(offsets, dtype=kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, np.uint8)
    return content[ends[0] : ends[-1]], ends - ends[0]
