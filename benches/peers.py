"""The servers: how they are installed, started, loaded, asked, settled and stopped."""

import base64
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

import measure

PACKAGES = ("influxdb", "victoria-metrics")


def install(directory):
    """Unpacks Debian's packages below target/: nothing is installed and no daemon starts."""
    directory.mkdir(parents=True, exist_ok=True)
    if not all((directory / "usr" / "bin" / name).exists() for name in ("influxd", "victoria-metrics")):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES], check=True, cwd=directory)
        for package in directory.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, directory], check=True)
    return directory / "usr" / "bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server process on loopback with a directory of its own."""

    ready_path = "/ping"
    # Where its log is, below its directory: preallocated segments count apart.
    wal = None

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.connection = None
        self.process = None

    def __enter__(self):
        log = open(self.directory.with_suffix(".log"), "wb")
        environment = {**os.environ, **self.environment()}
        self.process = measure.remember(
            subprocess.Popen(self.command(), env=environment, stdout=log, stderr=log, cwd=self.directory))
        self.wait_ready()
        return self

    def __exit__(self, *_):
        if self.connection:
            self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.directory.with_suffix(".log").unlink(missing_ok=True)

    def environment(self):
        return {}

    def wait_ready(self):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                self.request("GET", self.ready_path)
                return
            except OSError:
                self.connection = None
                time.sleep(0.1)
        log = self.directory.with_suffix(".log").read_text(errors="replace")
        raise RuntimeError(f"{self.command()[0]} did not start: {log[-2000:]}")

    def request(self, method, path, body=None, headers=None):
        """One request on the kept connection; the body of the answer."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            self.connection.request(method, path, body, headers or {})
            response = self.connection.getresponse()
            answer = response.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = None
            raise
        if response.status >= 300:
            raise RuntimeError(f"HTTP {response.status}: {answer[:300].decode(errors='replace')}")
        return answer

    def answer(self, query):
        """Milliseconds until the last byte was here, and the rows. Parsing is the client's time, not the server's."""
        began = time.perf_counter()
        body = self.ask(query)
        took = (time.perf_counter() - began) * 1000
        return took, self.rows(body)

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def sample(self):
        wal = measure.disk_bytes(self.directory / self.wal) if self.wal else 0
        return {**measure.sample(self.process.pid, self.directory), "wal": wal}

    def settle(self):
        return measure.wait_until_idle(self.process.pid, self.directory)


class Triglot(Server):
    ready_path = "/health/ready"
    wal = "data/wal"

    def __init__(self, binary, directory):
        super().__init__(directory)
        self.binary = binary
        basic = base64.b64encode(b"root:").decode()
        self.headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}

    def command(self):
        return [self.binary, "serve", "--data-dir", self.directory / "data", "--log-level", "warn"]

    def environment(self):
        return {
            "TRIGLOT_CNOSDB__LISTEN": f"127.0.0.1:{self.port}",
            "TRIGLOT_TDENGINE__ENABLED": "false",
            "TRIGLOT_KWDB__ENABLED": "false",
            # Settles as soon as the peers do with the settings given to them below.
            "TRIGLOT_STORAGE__FLUSH_INTERVAL": "5s",
            "TRIGLOT_STORAGE__COMPACTION_COLD": "10s",
        }

    def bench_arguments(self):
        return ["--url", self.url()]

    def version(self):
        return json.loads(self.request("GET", "/api/v1/ping"))["version"]

    def settle(self):
        # A flush is due 5 s and the last merge 10 s after the last write.
        time.sleep(16)
        return 16 + super().settle()

    def ask(self, query):
        return self.request("POST", "/api/v1/sql", query.sql.encode(), self.headers)

    def rows(self, body):
        return json.loads(body) if body else []


class Influx(Server):
    wal = "wal"

    def __init__(self, tools, directory):
        super().__init__(directory)
        self.tools = tools
        self.rpc = free_port()

    def command(self):
        return [self.tools / "influxd", "run", "-config", "/dev/null"]

    def environment(self):
        base = self.directory
        return {
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{self.rpc}",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
            "INFLUXDB_META_DIR": str(base / "meta"),
            "INFLUXDB_DATA_DIR": str(base / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(base / "wal"),
            "INFLUXDB_DATA_WAL_FSYNC_DELAY": "0s",  # fsync on each write, as triglot
            "INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "5s",
            "INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION": "10s",
            "INFLUXDB_COORDINATOR_QUERY_TIMEOUT": "0s",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        }

    def bench_arguments(self):
        return ["--url", self.url(), "--protocol", "influx1", "--db", "bench"]

    def version(self):
        self.request("GET", "/ping")
        self.connection.request("GET", "/ping")
        response = self.connection.getresponse()
        response.read()
        return "InfluxDB " + response.headers.get("X-Influxdb-Version", "?")

    def settle(self):
        time.sleep(16)
        return 16 + super().settle()

    def ask(self, query):
        return self.request("GET", "/query?" + urllib.parse.urlencode({"db": "bench", "q": query.influxql}))

    def rows(self, body):
        result = json.loads(body)["results"][0]
        if "error" in result:
            raise RuntimeError(result["error"])
        return result


class Victoria(Server):
    ready_path = "/health"

    def __init__(self, tools, directory):
        super().__init__(directory)
        self.tools = tools

    def command(self):
        return [
            self.tools / "victoria-metrics", f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={self.directory / 'data'}", "-retentionPeriod=100y", "-search.latencyOffset=0s",
            "-search.maxUniqueTimeseries=10000000", "-search.maxSamplesPerQuery=10000000000",
            "-search.maxPointsPerTimeseries=1000000", "-search.maxQueryDuration=600s",
        ]

    def bench_arguments(self):
        return ["--url", self.url(), "--protocol", "victoria"]

    def version(self):
        out = subprocess.run([self.tools / "victoria-metrics", "-version"], capture_output=True, text=True).stdout
        return "VictoriaMetrics " + (out.strip() or "1.79.5 (Debian)")

    def settle(self):
        first = super().settle()
        self.request("GET", "/internal/force_flush")
        self.request("GET", "/internal/force_merge")
        return first + super().settle()

    def ask(self, query):
        expression, start, end, step = query.metricsql
        if step is None:
            parameters = {"query": expression, "time": end, "nocache": 1}
            path = "/api/v1/query?"
        else:
            parameters = {"query": expression, "start": start, "end": end, "step": step, "nocache": 1}
            path = "/api/v1/query_range?"
        return self.request("GET", path + urllib.parse.urlencode(parameters))

    def rows(self, body):
        body = json.loads(body)
        if body.get("status") != "success":
            raise RuntimeError(str(body)[:300])
        return body["data"]["result"]
