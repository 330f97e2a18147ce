"""An Apache access log in combined format: a generator with the shapes of real ones, and a reader of its lines.

Run as a program it writes a log, or turns one into csv or ndjson:

    access_log.py generate LINES [START] > access.log
    access_log.py csv < access.log > access.csv
    access_log.py ndjson < access.log > access.ndjson

The same seed gives the same log.
"""

import csv
import json
import random
import re
import sys
from datetime import datetime, timedelta, timezone

DAYS = 30
START = "2026-02-20T00:00:00+00:00"
FIELDS = ["time", "host", "ident", "user", "method", "path", "query", "protocol", "status", "size", "referer", "agent"]
TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z"

AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/7.88.1",
    'Evil "quoted" agent\\with backslash',
    "Mözilla/5.0 (naïve; 日本語)",
    "-",
]
REFERERS = [
    "-",
    "-",
    "https://www.example.com/",
    "https://www.example.com/search?q=columnar+store&page=2",
    "https://news.example.org/item?id=38417&ref=%22front%22",
    "android-app://org.example.reader/",
]
PATHS = ["/", "/index.html", "/about", "/favicon.ico", "/robots.txt", "/api/v1/events", "/wp-login.php", "/a b/c"]
STATUSES = [200] * 80 + [304] * 8 + [301] * 4 + [404] * 5 + [403, 500, 206]
USERS = ["-"] * 20 + ["frank", "o'hara", "anna-maria"]
ESCAPE = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
UNESCAPE = {escaped: plain for plain, escaped in ESCAPE.items()}
QUOTED = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(rf"(\S+) (\S+) (\S+) \[([^\]]+)\] {QUOTED} (\d{{3}}) (\d+|-) {QUOTED} {QUOTED}")


def generate(lines, start=START, seed=1):
    """Yields the lines of a log over `DAYS` days, in order of time as a server writes them."""
    draw = random.Random(seed)
    begin = datetime.fromisoformat(start)
    hosts = [host(draw) for _ in range(max(50, lines // 40))]
    for number in range(lines):
        at = begin + timedelta(days=DAYS) * number / lines
        yield line(draw, at.replace(microsecond=0), draw.choice(hosts))


def host(draw):
    """An address: one in five is IPv6, and like real logs some are names."""
    kind = draw.random()
    if kind < 0.2:
        return "2001:db8:" + ":".join(f"{draw.getrandbits(16):x}" for _ in range(3)) + "::1"
    if kind < 0.22:
        return f"crawl-{draw.randrange(256)}.bots.example.net"
    return ".".join(str(draw.randrange(1, 255)) for _ in range(4))


def line(draw, at, client):
    request = f"{draw.choice(['GET'] * 9 + ['POST', 'HEAD'])} {path(draw)} HTTP/{draw.choice(['1.1', '1.1', '2.0'])}"
    status = draw.choice(STATUSES)
    size = "-" if status == 304 else str(int(draw.lognormvariate(8, 2)))
    fields = [f'"{escaped(text)}"' for text in (draw.choice(REFERERS), draw.choice(AGENTS))]
    stamp = at.strftime(TIME_FORMAT)
    return f'{client} - {draw.choice(USERS)} [{stamp}] "{escaped(request)}" {status} {size} {" ".join(fields)}'


def path(draw):
    kind = draw.random()
    if kind < 0.4:
        return draw.choice(PATHS)
    if kind < 0.8:
        return f"/articles/{draw.randrange(2000)}?utm_source=feed&n={draw.randrange(10)}"
    return f"/static/{draw.getrandbits(40):010x}.js?v=%7B{draw.randrange(10)}%7D"


def escaped(text):
    """As Apache writes a field: quotes, backslashes and control characters with a backslash."""
    return "".join(ESCAPE.get(letter, letter) for letter in text)


def unescaped(text):
    return re.sub(r"\\.", lambda found: UNESCAPE.get(found[0], found[0]), text)


def parse(text):
    """The fields of one line by name; `-` stands for nothing and becomes None."""
    found = LINE.fullmatch(text)
    if not found:
        raise ValueError(f"not a combined log line: {text!r}")
    client, ident, user, stamp, request, status, size, referer, agent = found.groups()
    method, target = unescaped(request).split(" ", 1)
    target, protocol = target.rsplit(" ", 1)
    plain_path, _, query = target.partition("?")
    at = datetime.strptime(stamp, TIME_FORMAT).astimezone(timezone.utc)
    fields = [at.isoformat(), client, ident, user, method, plain_path, query or "-", protocol]
    fields += [int(status), "-" if size == "-" else int(size), unescaped(referer), unescaped(agent)]
    return {name: None if value == "-" else value for name, value in zip(FIELDS, fields)}


def write_csv(lines, output):
    """csv with a header; nothing (None) is an unquoted empty field."""
    writer = csv.DictWriter(output, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(parse, lines))


def write_ndjson(lines, output):
    """One object per line; keys without a value are left out, as log shippers do."""
    for record in map(parse, lines):
        present = {name: value for name, value in record.items() if value is not None}
        output.write(json.dumps(present, ensure_ascii=False) + "\n")


def main(arguments):
    what, *rest = arguments
    if what == "generate":
        sys.stdout.writelines(text + "\n" for text in generate(int(rest[0]), *rest[1:2]))
        return
    lines = (text.rstrip("\n") for text in sys.stdin)
    {"csv": write_csv, "ndjson": write_ndjson}[what](lines, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
