"""What the generators of golden files share: messages built by hand after the published .proto files, and cases on their way into a file."""
import struct

def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while True:
        b = n & 0x7f; n >>= 7
        if n: out += bytes([b | 0x80])
        else: return out + bytes([b])
def field(n, data): return varint(n << 3 | 2) + varint(len(data)) + data
def snappy(plain):
    # Literals only.
    out = varint(len(plain)); at = 0
    while at < len(plain):
        part = plain[at:at + 60]; out += bytes([(len(part) - 1) << 2]) + part; at += 60
    return out
def series(labels, samples):
    body = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in labels)
    for t, v in samples:
        body += field(2, b"\x09" + struct.pack("<d", v) + b"\x10" + varint(t))
    return field(1, body)
def write(*all): return snappy(b"".join(series(l, s) for l, s in all)).hex()
def query(start, end, *matchers):
    body = b"\x08" + varint(start) + b"\x10" + varint(end)
    for kind, name, value in matchers:
        m = (b"\x08" + varint(kind) if kind else b"") + field(2, name.encode()) + field(3, value.encode())
        body += field(3, m)
    return field(1, body)
def read(*queries): return snappy(b"".join(queries)).hex()

out = []
def case(title, source, request, headers, body, status, answer=None, marks=(), wanted_headers=()):
    out.append(f"=== {title} [{source}]"); out.append(request)
    out.extend(headers); out.append(""); out.append(body)
    if body == "": out.pop(); out.pop()
    out.append("---"); out.append(str(status)); out.extend(wanted_headers); out.extend(marks)
    if answer is not None: out.append(""); out.append(answer)
def save(path, first=()):
    global out
    open(path, "w").write("\n".join(list(first) + out) + "\n===\n"); out = []
