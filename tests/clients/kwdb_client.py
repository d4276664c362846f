"""A program as users of KWDB write it: log in, one token for each thread, create, insert, query, list and end sessions.

Arguments: port, the certificate to trust. The server is KWDB's listener over TLS.
"""
import datetime
import sys
import threading

import requests

THREADS, ROUNDS, ROWS = 8, 5, 20
base = f"https://localhost:{sys.argv[1]}/restapi"
authority = sys.argv[2]


def client(credentials):
    session = requests.Session()
    session.verify = authority
    session.trust_env = False  # REQUESTS_CA_BUNDLE would win over verify
    session.headers["Authorization"] = f"Basic {credentials}"
    return session


def post(session, route, sql, **params):
    answer = session.post(f"{base}/{route}", params=params, data=sql.encode())
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json", answer.headers
    body = answer.json()
    assert body["code"] == 0, body
    return body


def login():
    # root without a password, from this machine
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{base}/login", auth=("root", ""), verify=authority)
    body = answer.json()
    assert answer.status_code == 200 and body["code"] == 0 and len(body["token"]) == 32, body
    return body["token"]


def worker(number, token, failures):
    try:
        session = client(token)
        for round in range(ROUNDS):
            values = ",".join(f"({1_704_067_200_000 + round * ROWS + n}, {n + 0.5}, {n}, 'd{number}')" for n in range(ROWS))
            body = post(session, "insert", f"INSERT INTO readings VALUES {values};", db="plant")
            assert body["desc"] == ["success"] and body["rows"] == ROWS and body["notice"] is None, body
            lines = "\n".join(f"lines,device=d{number} v={n}i {1_704_067_200_000 + round * ROWS + n}" for n in range(ROWS))
            body = post(session, "influxdb", lines, db="plant")
            assert body["rows"] == ROWS, body
            body = post(session, "query", f"SELECT count(*) AS n FROM readings WHERE device = 'd{number}'", db="plant")
            assert body["data"] == [[(round + 1) * ROWS]], body
    except Exception as error:  # told by the main thread
        failures.append(repr(error))


tokens = [login() for _ in range(THREADS)]
assert len(set(tokens)) == THREADS
root = client(tokens[0])
post(root, "ddl", "CREATE TS DATABASE plant")
post(root, "ddl", "CREATE TABLE readings (ts timestamp NOT NULL, temperature float, counter int) "
     "TAGS (device varchar(16) NOT NULL) PRIMARY TAGS (device)", db="plant")
failures = []
threads = [threading.Thread(target=worker, args=(n, token, failures)) for n, token in enumerate(tokens)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures

body = post(root, "query", "SELECT device, count(*) AS n, max(temperature) AS t FROM readings GROUP BY device ORDER BY device", db="plant")
assert body["desc"] is None and body["rows"] == THREADS, body
assert body["data"] == [[f"d{n}", ROUNDS * ROWS, ROWS - 0.5] for n in range(THREADS)], body
assert [column[0] for column in body["column_meta"]] == ["device", "n", "t"], body
body = post(root, "query", "SELECT count(*) AS n FROM lines", db="plant")
assert body["data"] == [[THREADS * ROUNDS * ROWS]], body
body = post(root, "query", "SELECT ts FROM readings WHERE device = 'd0' ORDER BY ts LIMIT 1", db="plant", tz="8")
instant = datetime.datetime.fromisoformat(body["data"][0][0])
assert instant.timestamp() == 1_704_067_200 and instant.utcoffset() == datetime.timedelta(hours=8), body

# Many statements in one request, one of them wrong.
statements = [f"INSERT INTO readings VALUES ({1_704_070_000_000 + n}, 1, 1, 'many')" for n in range(2_000)]
statements[1_000] = "INSERT INTO readings VALUES ('nonsense', 1, 1, 'many')"
body = root.post(f"{base}/insert", params={"db": "plant"}, data="; ".join(statements)).json()
assert body["code"] == -1 and body["rows"] == 1_999 and len(body["desc"]) == 2_000, (body["code"], body["rows"])
assert [n for n, text in enumerate(body["desc"]) if text != "success"] == [1_000], body["desc"][1_000]

# Sessions: all are there, each can be ended, ended ones are dead.
listed = root.get(f"{base}/session").json()["tokens"]
assert len(listed) == THREADS and all(one["Username"] == "root" for one in listed), listed
assert all(one["Token"].endswith("*") for one in listed), listed
for token in tokens[1:]:
    mine = [one for one in listed if token.startswith(one["Token"][:-1])]
    assert len(mine) == 1, mine
    answer = root.delete(f"{base}/session", data=mine[0]["SessionID"])
    assert answer.json() == {"code": 0, "desc": "Delete Success"}, answer.text
    answer = client(token).post(f"{base}/query", data="SELECT 1")
    assert answer.status_code == 401 and answer.json()["desc"] == "Incorrect authentication token", answer.text
assert len(root.get(f"{base}/session").json()["tokens"]) == 1

# Plain HTTP on the same port is sent to TLS.
answer = requests.get(f"http://localhost:{sys.argv[1]}/restapi/login?tz=8", allow_redirects=False)
assert answer.status_code == 307 and answer.headers["location"] == f"{base}/login?tz=8", answer.headers
assert requests.get(f"http://localhost:{sys.argv[1]}/health").status_code == 200
print("ok")
