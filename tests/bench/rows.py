"""What is measured, and what the figures ought to be."""

import dataclasses

from origin import FileSet, LineSpec

MIB = 1 << 20
EACH = 20_000_000  # bytes a second, of each connection
SHARED = 200_000_000  # of all together
DELAY_MS = 100
ALL = ("larder", "curl", "curl+openssl", "aria2c", "aria2c+checksum", "hf")
ONE_CONNECTION = frozenset(("curl", "curl+openssl", "hf"))


@dataclasses.dataclass(frozen=True)
class Row:
    """One set of files over one kind of line. The tools in `once` have a single round: the line alone sets their time, or
    it is not their time that is asked for."""

    id: str
    title: str
    files: FileSet
    is_tls: bool = False
    line: LineSpec | None = None
    tools: tuple = ALL
    once: frozenset = frozenset()
    is_on_zram: bool = False  # larderd writes to a block device of zeros


def sized(count, size):
    """"8 files of 512 MiB"."""
    if size % MIB:
        what = f"{size // 1000} KB"
    else:
        what = f"{size >> 30} GiB" if size % (1 << 30) == 0 else f"{size // MIB} MiB"
    return f"one file of {what}" if count == 1 else f"{count:,} files of {what}"


def rows(is_quick, huge_gib):
    """All rows; `huge_gib` is 0 unless the sparse ones are wanted."""
    def files(name, count, size, quick):
        return FileSet(name, count, quick if is_quick else size)

    one = files("one", 1, 4096 * MIB, 512 * MIB)
    eight = files("eight", 8, 512 * MIB, 64 * MIB)
    small = files("small", 1000, 100_000, 100_000)
    result = []
    for name, spec in (("one", one), ("eight", eight), ("small", small)):
        for is_tls in (False, True):
            words = "tls" if is_tls else "plain"
            result.append(Row(f"{name}-{words}", f"{sized(spec.count, spec.size)}, {words.upper() if is_tls else words}",
                              spec, is_tls))
    capped = files("capped", 1, 2048 * MIB, 256 * MIB)
    delayed = files("delayed", 1, 512 * MIB, 128 * MIB)
    shared = files("shared", 1, 4096 * MIB, 1024 * MIB)
    result += [
        Row("capped", f"{sized(1, capped.size)}, each connection {EACH // 10**6} MB/s at most", capped,
            line=LineSpec(each=EACH), once=ONE_CONNECTION),
        Row("delay", f"{sized(1, delayed.size)}, {DELAY_MS} ms away", delayed, line=LineSpec(delay_ms=DELAY_MS),
            once=ONE_CONNECTION),
        Row("shared", f"{sized(1, shared.size)}, all connections together {SHARED // 10**6} MB/s at most", shared,
            line=LineSpec(all=SHARED), tools=("larder", "curl"), once=ONE_CONNECTION),
    ]
    for gib in ((1, huge_gib) if huge_gib else ()):
        spec = FileSet(f"sparse-{gib}", 1, gib << 30, is_sparse=True)
        result.append(Row(spec.name, f"{sized(1, spec.size)} of zeros, plain", spec, tools=("larder",),
                          once=frozenset(("larder",)), is_on_zram=True))
    return result


@dataclasses.dataclass(frozen=True)
class Bar:
    """A figure and what it should be: `got` against `asked`, `sense` being "<=" or ">="."""

    row: str
    what: str
    got: float
    sense: str
    asked: float
    unit: str = ""

    @property
    def is_met(self):
        """As good as asked, or better."""
        return self.got <= self.asked if self.sense == "<=" else self.got >= self.asked


# row, figure, of what tool, at most so many times larder's
RATIOS = (
    ("one-plain", "wall_s", "aria2c", 0.65),
    ("one-plain", "cpu_s_per_gib", "curl+openssl", 0.85),
    ("one-tls", "wall_s", "aria2c", 1.0),
    ("one-tls", "cpu_s_per_gib", "curl+openssl", 1.05),
    ("small-plain", "wall_s", "aria2c", 0.5),
    ("small-tls", "wall_s", "aria2c", 0.5),
)
WORDS = {"wall_s": "wall", "cpu_s_per_gib": "CPU"}
TAIL_MS = 150
RSS_MIB = 40
CAPPED_SHARE = 0.95
CAPPED_CONNECTIONS = 8
SETTLED = 2
RSS_GROWTH = 1.1  # what "the same" for 1 GiB and a hundred times that may differ by


def bars(done, figures):
    """The bars of the rows that were measured. `figures` maps (row id, tool) to a dict as in bench.json."""
    result = []
    by_id = {row.id: row for row in done}

    def figure(row, tool, key):
        return figures.get((row, tool), {}).get(key)

    for row, key, other, asked in RATIOS:
        mine, theirs = figure(row, "larder", key), figure(row, other, key)
        if mine and theirs:
            result.append(Bar(row, f"{WORDS[key]} / {other}'s", mine / theirs, "<=", asked, "x"))
    for row in ("one-plain", "one-tls"):
        if (tail := figure(row, "larder", "tail_ms")) is not None:
            result.append(Bar(row, "last byte to proven", tail, "<=", TAIL_MS, "ms"))
    if wall := figure("capped", "larder", "wall_s"):
        share = by_id["capped"].files.total / wall / (CAPPED_CONNECTIONS * EACH)
        words = f"rate / what {CAPPED_CONNECTIONS} connections can carry"
        result.append(Bar("capped", words, share, ">=", CAPPED_SHARE, "x"))
    if (settled := figure("shared", "larder", "connections")) is not None:
        result.append(Bar("shared", "connections it settled at", settled, "<=", SETTLED))
    for row in done:
        if rss := figure(row.id, "larder", "rss_mib"):
            result.append(Bar(row.id, "larderd's peak RSS", rss, "<=", RSS_MIB, "MiB"))
    sparse = [row.id for row in done if row.is_on_zram and figure(row.id, "larder", "rss_mib")]
    if len(sparse) == 2:
        growth = figure(sparse[1], "larder", "rss_mib") / figure(sparse[0], "larder", "rss_mib")
        result.append(Bar(sparse[1], f"peak RSS / that of {sparse[0]}", growth, "<=", RSS_GROWTH, "x"))
    order = [row.id for row in done]
    return sorted(result, key=lambda bar: order.index(bar.row))
