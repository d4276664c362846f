"""Every coding in both directions against Python's zlib and cramjam. Argument: the port."""

import sys
import urllib.request
import zlib

import cramjam

port = int(sys.argv[1])
ROOT = {"Authorization": "Basic cm9vdDo="}


def bare_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def members(decode):
    """For codings whose decoder stops at the end of a member: those that follow, too."""
    def all_of(data):
        out = b""
        while data:
            unpacker = zlib.decompressobj(wbits=decode)
            out += unpacker.decompress(data) + unpacker.flush()
            assert unpacker.eof, "cut off"
            data = unpacker.unused_data
        return out
    return all_of


def by(module):
    return (lambda data: bytes(module.compress(data)), lambda data: bytes(module.decompress(data)))


CODINGS = {
    "identity": (bytes, bytes),
    "gzip": (lambda data: bytes(cramjam.gzip.compress(data)), members(31)),
    "deflate": (bare_deflate, members(-15)),
    "br": by(cramjam.brotli),
    "zstd": by(cramjam.zstd),
    "snappy": by(cramjam.snappy),  # the framing format; raw blocks are `compress_raw`
    "lz4": by(cramjam.lz4),
}


def post(path, body, headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1{path}", body, ROOT | headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read(), answer.headers


rows = 20_000
expected = {name: ["n,v"] for name in CODINGS}
for name, (pack, _) in CODINGS.items():
    lines = "\n".join(f"coded_{name} n={n}i,v={n % 97}.25 {n + 1}" for n in range(rows))
    expected[name] += [f"{n},{n % 97}.25" for n in range(rows)]
    post("/write", pack(lines.encode()), {"Content-Encoding": name})
for name, (pack, unpack) in CODINGS.items():
    wanted = "\n".join(expected[name]) + "\n"
    query = pack(f"select n, v from coded_{name} order by n".encode())
    body, headers = post("/sql", query, {"Content-Encoding": name, "Accept-Encoding": f"zip, {name}, gzip"})
    assert headers["content-encoding"] == name, headers
    assert unpack(body).decode() == wanted, name
    # Without rows the body is an empty member.
    body, headers = post("/sql", b"create table if not exists empty_t (v double)", {"Accept-Encoding": name})
    assert headers["content-encoding"] == name and unpack(body) == b"", name

# chunked=true: each batch is a complete member.
for name in ("identity", "gzip", "deflate", "zstd", "snappy"):
    body, headers = post("/sql?chunked=true", b"select n, v from coded_gzip order by n", {"Accept-Encoding": name})
    assert headers["transfer-encoding"] == "chunked", headers
    assert CODINGS[name][1](body).decode() == "\n".join(expected["gzip"]) + "\n", name
print("ok")
