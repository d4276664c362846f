"""Python's client libraries of metrics, as their users call them: `metric_clients.py CLIENT PORT`. What they sent is read back by
the caller."""

import sys
import time

BEGIN = 1704067200  # 2024-01-01


def influxdb(port):
    """influxdb 5.3 takes 204 for success only, and speaks of seven precisions."""
    from influxdb import InfluxDBClient
    from influxdb.exceptions import InfluxDBServerError

    per_second = {"n": 10**9, "u": 10**6, "ms": 1000, "s": 1}
    for number, (precision, factor) in enumerate(per_second.items()):
        client = InfluxDBClient("127.0.0.1", port, "root", "taosdata", "public", path="influxdb/v1", gzip=number % 2 == 0)
        point = {
            "measurement": "flux.cpu",
            "tags": {"host": "h %d" % number, "region": "a,b=c"},
            "time": (BEGIN + number) * factor,
            "fields": {"load": 0.5 + number, "cores": 4 + number, "on": number % 2 == 0, "note": 'say "hi", é'},
        }
        assert client.write_points([point], time_precision=precision) is True
    # Minutes and hours are divided by the client itself.
    for precision in ("m", "h"):
        client.write_points([{"measurement": "coarse", "tags": {"p": precision}, "time": BEGIN // (60 if precision == "m" else 3600),
                              "fields": {"v": 1.5}}], time_precision=precision)
    # What the server refuses comes up as the client's error, with the server's words.
    try:
        client.write_points([{"measurement": "flux.cpu", "tags": {"host": "h 0"}, "fields": {"load": "text"}}])
    except InfluxDBServerError as error:
        assert "0x" in str(error), error
    else:
        raise AssertionError("a type clash was accepted")


def opentsdb_client(port):
    """opentsdb-client reads the answer as JSON, and sends again what it cannot read."""
    from opentsdb import TSDBClient

    def connect():
        return TSDBClient(uri="http://root:taosdata@127.0.0.1:%d" % port, put_endpoint="/opentsdb/v1/put/json/public?details",
                          host_tag=False, static_tags={"site": "ulm"})

    client = connect()
    for number in range(120):
        client.send("tsdb.load", number + 0.25, timestamp=BEGIN + number, core="c%d" % (number % 3))
    client.close()
    client.wait()
    assert client.statuses == {"success": 120, "failed": 0, "queued": 120}, client.statuses
    # What is refused is told, and not sent again for ever.
    client = connect()
    client.send("tsdb.load", "a text", timestamp=BEGIN, core="c0")
    client.close()
    client.wait()
    assert client.statuses == {"success": 0, "failed": 1, "queued": 1}, client.statuses


def opentsdb_client_telnet(port):
    from opentsdb import TSDBClient, TSDBConnectProtocols

    client = TSDBClient("127.0.0.1", port, protocol=TSDBConnectProtocols.TELNET, host_tag=False, check_tsdb_alive=True,
                        static_tags={"site": "ulm"})
    for number in range(20):
        client.send("tsdb.telnet", number + 0.25, timestamp=BEGIN + number, core="c%d" % (number % 3))
    client.close()
    client.wait()
    assert client.statuses["success"] == 20, client.statuses


def potsdb(port):
    import potsdb

    client = potsdb.Client("127.0.0.1", port=port, host_tag=False, check_host=True)
    for number in range(20):
        client.log("pots.load", number / 4, timestamp=BEGIN + number, core="c%d" % (number % 3), site="ulm")
    client.wait()


def statsd(port):
    """A second of statistics: they are summed up over the gathering interval."""
    import statsd

    client = statsd.StatsClient("127.0.0.1", port, prefix="app")
    for _ in range(5):
        client.incr("hits", 2)
    client.decr("hits")
    client.gauge("depth", 70)
    client.gauge("depth", -3, delta=True)
    for user in ("ann", "bob", "ann"):
        client.set("users", user)
    for milliseconds in (10, 20, 30, 40):
        client.timing("took", milliseconds)
    with client.pipeline() as pipe:
        pipe.incr("piped")
        pipe.incr("piped")
    client.close()


def remote_writer(port, url, password):
    """prometheus-remote-writer: one series with two samples, one with one."""
    from prometheus_remote_writer import RemoteWriter

    writer = RemoteWriter(url % port, auth={"username": "root", "password": password})
    for _ in range(2):
        writer.send([
            {"metric": {"__name__": "written_total", "job": "py", "text": "it's \"é\""},
             "values": [1.5, 0.30000000000000004], "timestamps": [BEGIN * 1000, BEGIN * 1000 + 1]},
            {"metric": {"__name__": "written_total", "job": "other"}, "values": [-2.0], "timestamps": [BEGIN * 1000]},
        ])


def remote_writer_tdengine(port):
    remote_writer(port, "http://127.0.0.1:%d/prometheus/v1/remote_write/public", "taosdata")


def remote_writer_cnosdb(port):
    remote_writer(port, "http://127.0.0.1:%d/api/v1/prom/write?db=public", "")


CLIENTS = [influxdb, opentsdb_client, opentsdb_client_telnet, potsdb, statsd, remote_writer_tdengine, remote_writer_cnosdb]
{client.__name__: client for client in CLIENTS}[sys.argv[1]](int(sys.argv[2]))
print("ok")
