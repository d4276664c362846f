//! taosAdapter's agents that listen: telnet lines, collectd's packets, StatsD's lines from raw sockets, read back through all
//! three dialects. Nothing waits for time to pass: rows are polled for, or the server is ended, which writes what was received.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::read_back::{Door, lines, same_everywhere, sample};
use crate::server::{Server, free_port};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server with agents, which can be started again on its data.
struct Node {
    server: Server,
    environment: Vec<(String, String)>,
    data: tempfile::TempDir,
}

impl Node {
    /// `environment` without `TRIGLOT_`. The databases are made with nanoseconds.
    fn start(environment: &[(&str, String)], databases: &[&str]) -> Self {
        let environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| (format!("TRIGLOT_{name}"), value.clone())).collect();
        let data = tempfile::tempdir().unwrap();
        let server = serve(&data, &environment);
        for name in databases {
            Door::tdengine(&server).run("", &format!("create database {name} precision 'ns'"));
        }
        Self { server, environment, data }
    }

    /// SIGTERM, until the process has ended in order, and a new process.
    fn restart(&mut self) {
        assert_eq!(self.server.terminate(), Some(0));
        self.server = serve(&self.data, &self.environment);
    }

    fn taos(&self, database: &str, sql: &str) -> Vec<String> {
        lines(&Door::tdengine(&self.server).rows(database, sql))
    }

    /// Polls until a query of TDengine's gives these rows. A table may not be there yet.
    fn await_rows(&self, database: &str, sql: &str, wanted: &[&str]) {
        let begin = Instant::now();
        loop {
            let target = format!("/rest/sql/{database}");
            let reply = Door::tdengine(&self.server).post(&target, sql.as_bytes()).text();
            let found =
                if reply.starts_with("{\"code\":0,") { self.taos(database, sql) } else { vec![reply] };
            if found == wanted {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{sql}: {found:?}, not {wanted:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn refused(&self, agent: &str) -> u64 {
        sample(&self.server, &format!("triglot_rows_refused_total{{api=\"{agent}\",dialect=\"tdengine\"}}"))
    }

    fn await_refused(&self, agent: &str, wanted: u64) {
        let begin = Instant::now();
        while self.refused(agent) != wanted {
            assert!(begin.elapsed() < PATIENCE, "{agent}: {} are refused, not {wanted}", self.refused(agent));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve(data: &tempfile::TempDir, environment: &[(String, String)]) -> Server {
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    Server::start_with(&data.path().join("data"), &environment)
}

/// A server that takes telnet lines into `tel`, and its port.
fn telnet(more: &[(&str, &str)]) -> (Node, u16) {
    let port = free_port();
    let mut environment = vec![
        ("OPENTSDB_TELNET__ENABLED", "true".to_owned()),
        ("OPENTSDB_TELNET__LISTEN", format!("127.0.0.1:{port}")),
        ("OPENTSDB_TELNET__DBS", "Tel".to_owned()),
    ];
    environment.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    (Node::start(&environment, &["tel"]), port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn send(port: u16, text: &[u8]) {
    connect(port).write_all(text).unwrap();
}

#[test]
fn telnet_lines_are_rows_of_every_dialect() {
    let (first, second) = (free_port(), free_port());
    let environment = [
        ("OPENTSDB_TELNET__ENABLED", "true".to_owned()),
        ("OPENTSDB_TELNET__LISTEN", format!("127.0.0.1:{first},127.0.0.1:{second}")),
        ("OPENTSDB_TELNET__DBS", "one,two".to_owned()),
        ("OPENTSDB_TELNET__TTL", "7".to_owned()),
    ];
    let node = Node::start(&environment, &["one", "two"]);
    let mut stream = connect(first);
    stream.write_all(b"put sys.cpu 1704067200 18.5 host=web01 cpu=0\r\n\r\nversion\n").unwrap();
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"1\n");
    let more =
        b"sys.cpu 1704067201000 19  host=web01  cpu=1 \nhelp\nput\tsys.cpu\t1704067202\t-2.5e3\tcpu=0\n";
    for byte in more {
        // A client that sends slowly; the other one is not kept waiting.
        stream.write_all(&[*byte]).unwrap();
    }
    send(
        second,
        b"put sys.cpu 1704067200 1i8 host=web02\nput note 1704067200 L\"gr\xc3\xbc\xc3\x9fe\" a=\"b\"\n",
    );

    node.await_rows("one", "select count(*) from sys_cpu", &["3"]);
    node.await_rows("two", "select count(*) from note", &["1"]);
    same_everywhere(
        &node.server,
        "one",
        [
            "select _ts, host, cpu, _value from sys_cpu order by _ts",
            "select `_ts`, host, cpu, `_value` from sys_cpu order by `_ts`",
            "select _ts, host, cpu, _value from sys_cpu order by _ts",
        ],
        &[
            "2024-01-01T00:00:00.000000000Z | web01 | 0 | 18.5",
            "2024-01-01T00:00:01.000000000Z | web01 | 1 | 19.0",
            "2024-01-01T00:00:02.000000000Z | NULL | 0 | -2500.0",
        ],
    );
    let sql = "select host, _value from sys_cpu";
    same_everywhere(&node.server, "two", [sql, "select host, `_value` from sys_cpu", sql], &["web02 | 1"]);
    let sql = "select a, _value from note";
    same_everywhere(&node.server, "two", [sql, "select a, `_value` from note", sql], &["\"b\" | grüße"]);
    // The vendor's name of a child table, and its time to live.
    assert_eq!(node.taos("two", "select distinct tbname from sys_cpu"), [child("sys_cpu,host=web02")]);
    let ttl = "select distinct `ttl` from information_schema.ins_tables where db_name = 'two'";
    assert_eq!(node.taos("two", ttl), ["7"]);
    assert_eq!(node.refused("opentsdb_telnet"), 0);
    assert_eq!(
        sample(&node.server, "triglot_rows_written_total{api=\"opentsdb_telnet\",dialect=\"tdengine\"}"),
        5
    );
}

/// `t_` and the MD5 of a text in hex, by another implementation than the server's.
fn child(text: &str) -> String {
    use std::process::{Command, Stdio};
    let mut md5 = Command::new("md5sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    md5.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = md5.wait_with_output().unwrap();
    format!("t_{}", String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap())
}

#[test]
fn a_bad_line_costs_itself_only() {
    // All in one batch.
    let (node, port) =
        telnet(&[("OPENTSDB_TELNET__BATCH_SIZE", "1000"), ("OPENTSDB_TELNET__FLUSH_INTERVAL", "100ms")]);
    let mut text = Vec::new();
    let mut bad = 0;
    for n in 0..200 {
        let more: Option<Vec<u8>> = match n {
            3 => Some(b"put m 1704067200 1\n".to_vec()),
            50 => Some(b"put m 17040672 1 t=a\n".to_vec()),
            51 => Some(b"put m 1704067200 one t=a\n".to_vec()),
            52 => Some(b"\xff\xfd\x18put m 1704067200 1 t=a\n".to_vec()),
            // Another type than the column's, a tag twice, a time before the database's retention.
            100 => Some(b"put m 1704067200 \"one\" t=a\n".to_vec()),
            101 => Some(b"put m 1704067200 1 t=a t=b\n".to_vec()),
            150 => Some(b"put m 0000000001 1 t=a\n".to_vec()),
            // Longer than any line, and longer than any name of a table.
            160 => Some([b"put m 1704067200 1 t=".as_slice(), &vec![b'x'; 10 << 20], b"\n"].concat()),
            170 => Some(format!("put {} 1704067200 1 t=a\n", "m".repeat(193)).into_bytes()),
            _ => None,
        };
        bad += u64::from(more.is_some());
        text.extend(more.unwrap_or_default());
        text.extend_from_slice(format!("put m {} {n} t=a\n", 1_704_067_200 + n).as_bytes());
    }
    // What may lack its end is not taken either.
    text.extend_from_slice(b"put m 1704067900 12");
    send(port, &text);
    node.await_rows("tel", "select count(*), sum(`_value`) from m", &["200 | 19900.0"]);
    node.await_refused("opentsdb_telnet", bad + 1);
    assert_eq!(node.taos("tel", "select count(*) from m where `_ts` >= 1704067900000000000"), ["0"]);
}

#[test]
fn connections_are_limited_and_idle_ones_cost_little() {
    let (node, port) = telnet(&[("OPENTSDB_TELNET__MAX_TCP_CONNECTIONS", "200")]);
    let version = |stream: &mut TcpStream| {
        let mut answer = Vec::new();
        let _ = stream.write_all(b"version\n");
        let _ = stream.take(2).read_to_end(&mut answer);
        answer
    };
    let before = node.server.resident_bytes();
    let mut open: Vec<TcpStream> = (0..200).map(|_| connect(port)).collect();
    for stream in &mut open {
        assert_eq!(version(stream), b"1\n");
    }
    let more = node.server.resident_bytes().saturating_sub(before);
    assert!(more < 20 << 20, "200 idle connections take {more} bytes");
    // One more is closed, until another one has gone.
    assert_eq!(version(&mut connect(port)), b"");
    open.pop();
    let begin = Instant::now();
    while version(&mut connect(port)) != b"1\n" {
        assert!(begin.elapsed() < PATIENCE);
    }
}

#[test]
fn accounts_count_at_once() {
    let (node, port) =
        telnet(&[("OPENTSDB_TELNET__USER", "writer"), ("OPENTSDB_TELNET__PASSWORD", "Geheim-1")]);
    let root = Door::tdengine(&node.server);
    root.run("", "create user writer pass 'Geheim-1'");
    root.run("", "grant all on tel.* to writer");
    let mut stream = connect(port);
    let put = |stream: &mut TcpStream, n: u64| {
        stream.write_all(format!("put m {} {n} t=a\n", 1_704_067_200 + n).as_bytes()).unwrap();
    };
    put(&mut stream, 1);
    node.await_rows("tel", "select `_value` from m", &["1.0"]);
    root.run("", "revoke all on tel.* from writer");
    put(&mut stream, 2);
    node.await_refused("opentsdb_telnet", 1);
    root.run("", "grant all on tel.* to writer");
    put(&mut stream, 3);
    node.await_rows("tel", "select `_value` from m order by `_ts`", &["1.0", "3.0"]);
    root.run("", "drop database tel");
    put(&mut stream, 4);
    node.await_refused("opentsdb_telnet", 2);
    root.run("", "create database tel");
    root.run("", "grant all on tel.* to writer");
    put(&mut stream, 5);
    node.await_rows("tel", "select `_value` from m", &["5.0"]);
    root.run("", "alter user writer pass 'Anders-22'");
    put(&mut stream, 6);
    node.await_refused("opentsdb_telnet", 3);
    assert_eq!(node.taos("tel", "select `_value` from m"), ["5.0"]);
}

#[test]
fn what_was_received_is_written_before_the_end() {
    // Nothing would be written for an hour.
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let mut node = Node::start(
        &[
            ("OPENTSDB_TELNET__ENABLED", "true".to_owned()),
            ("OPENTSDB_TELNET__LISTEN", format!("127.0.0.1:{}", ports[0])),
            ("OPENTSDB_TELNET__DBS", "all".to_owned()),
            ("OPENTSDB_TELNET__BATCH_SIZE", "1000".to_owned()),
            ("OPENTSDB_TELNET__FLUSH_INTERVAL", "1h".to_owned()),
            ("STATSD__ENABLED", "true".to_owned()),
            ("STATSD__LISTEN", format!("127.0.0.1:{}", ports[1])),
            ("STATSD__DB", "all".to_owned()),
            ("STATSD__GATHER_INTERVAL", "1h".to_owned()),
            ("COLLECTD__ENABLED", "true".to_owned()),
            ("COLLECTD__LISTEN", format!("127.0.0.1:{}", ports[2])),
            ("COLLECTD__DB", "all".to_owned()),
        ],
        &["all"],
    );
    let mut stream = connect(ports[0]);
    for n in 0..500 {
        stream.write_all(format!("put m {} {n} t=a\n", 1_704_067_200 + n).as_bytes()).unwrap();
    }
    for n in 0..100 {
        datagram(ports[1], format!("c:{n}|c").as_bytes());
        datagram(
            ports[2],
            &packet("web1", "load", "", "load", "", 1_704_067_200 + n, &[f64::from(n as u32)]),
        );
    }
    node.restart();
    assert_eq!(node.taos("all", "select count(*), sum(`_value`) from m"), ["500 | 124750.0"]);
    assert_eq!(node.taos("all", "select `value` from c"), ["4950"]);
    assert_eq!(node.taos("all", "select count(*), sum(`value`) from load_value"), ["100 | 4950.0"]);
    // Stored rows outlive a kill, too.
    let mut stream = connect(ports[0]);
    let batch: String = (0..1000).map(|n| format!("put k {} 1 t=a\n", 1_704_067_200 + n)).collect();
    stream.write_all(batch.as_bytes()).unwrap();
    node.await_rows("all", "select count(*) from k", &["1000"]);
    node.server.kill();
    node.server = serve(&node.data, &node.environment);
    assert_eq!(node.taos("all", "select count(*) from k"), ["1000"]);
}

fn datagram(port: u16, bytes: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(socket.send_to(bytes, ("127.0.0.1", port)).unwrap(), bytes.len());
}

/// A part of collectd's protocol.
fn part(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 4).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

/// A packet with gauges, or, without a host, the parts behind it.
fn packet(
    host: &str,
    plugin: &str,
    instance: &str,
    ty: &str,
    type_instance: &str,
    seconds: u64,
    gauges: &[f64],
) -> Vec<u8> {
    let text = |kind: u16, text: &str| part(kind, &[text.as_bytes(), &[0]].concat());
    let count = u16::try_from(gauges.len()).unwrap().to_be_bytes();
    let numbers: Vec<u8> = gauges.iter().flat_map(|value| value.to_le_bytes()).collect();
    let values = [&count[..], &vec![1; gauges.len()], &numbers].concat();
    let mut parts = vec![text(0, host), part(8, &(seconds << 30).to_be_bytes()), text(2, plugin)];
    parts.extend((!instance.is_empty()).then(|| text(3, instance)));
    parts.push(text(4, ty));
    parts.extend((!type_instance.is_empty()).then(|| text(5, type_instance)));
    parts.push(part(6, &values));
    parts.concat()
}

#[test]
fn collectds_packets_are_rows_of_every_dialect() {
    let port = free_port();
    let environment = [
        ("COLLECTD__ENABLED", "true".to_owned()),
        ("COLLECTD__LISTEN", format!("127.0.0.1:{port}")),
        ("COLLECTD__WORKER", "3".to_owned()),
    ];
    let node = Node::start(&environment, &["collectd"]);
    let cpu = packet("web1", "cpu", "0", "percent", "idle", 1_704_067_200, &[98.5]);
    let interface = packet("web1", "interface", "eth0", "if_octets", "", 1_704_067_201, &[10.0, 20.0]);
    // Several lists in one datagram; a fault behind the first one; signed, encrypted, cut off, nonsense.
    datagram(port, &[cpu.clone(), interface].concat());
    let load = packet("web2", "load", "", "load", "", 1_704_067_202, &[0.25, 0.5, f64::NAN]);
    datagram(port, &[load, part(6, &[0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0]), cpu.clone()].concat());
    datagram(port, &part(0x0200, &[0; 40]));
    datagram(port, &part(0x0210, &[0; 40]));
    datagram(port, &cpu[..cpu.len() - 1]);
    datagram(port, b"\0\0\0");
    datagram(port, b"");
    node.await_rows("collectd", "select count(*) from load_2", &["1"]);
    node.await_refused("collectd", 5);
    let rows = |table: &str, columns: &str, wanted: &[&str]| {
        let plain = format!("select _ts, {columns}, \"value\" from {table} order by _ts");
        let taos = format!("select `_ts`, {columns}, `value` from {table} order by `_ts`");
        node.await_rows("collectd", &taos, wanted);
        same_everywhere(&node.server, "collectd", [&plain, &taos, &plain], wanted);
    };
    rows(
        "cpu_value",
        "host, instance, type, type_instance",
        &["2024-01-01T00:00:00.000000000Z | web1 | 0 | percent | idle | 98.5"],
    );
    rows("interface_0", "instance", &["2024-01-01T00:00:01.000000000Z | eth0 | 10.0"]);
    rows("interface_1", "instance", &["2024-01-01T00:00:01.000000000Z | eth0 | 20.0"]);
    rows("load_0", "host", &["2024-01-01T00:00:02.000000000Z | web2 | 0.25"]);
    rows("load_1", "host", &["2024-01-01T00:00:02.000000000Z | web2 | 0.5"]);
    assert_eq!(node.taos("collectd", "select `value` from load_2"), ["NULL"]);
    // A tag that is empty is none.
    let tags = "select distinct tag_name from information_schema.ins_tags where stable_name = 'load_0' order by tag_name";
    assert_eq!(node.taos("collectd", tags), ["host", "type"]);
}

/// A server that takes StatsD's lines into `statsd`, and its port. Written at the end, unless `more` says otherwise.
fn statsd(more: &[(&str, &str)]) -> (Node, u16) {
    let port = free_port();
    let mut environment = vec![
        ("STATSD__ENABLED", "true".to_owned()),
        ("STATSD__LISTEN", format!("127.0.0.1:{port}")),
        ("STATSD__GATHER_INTERVAL", "1h".to_owned()),
    ];
    environment.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    (Node::start(&environment, &["statsd"]), port)
}

#[test]
fn statsds_lines_are_rows_of_every_dialect() {
    let (mut node, port) = statsd(&[]);
    datagram(port, b"web.hits,host=a:1|c\nweb.hits,host=a:2|c|@0.1\nweb.hits:1|c:1|c|#host:b");
    datagram(port, b"temp:20.5|g\ntemp:-1|g\nusers:ann|s\nusers:bob|s\nusers:ann|s\n");
    datagram(port, b"took:1|ms\ntook:11|ms\ntook:1|ms\ntook:1|ms\ntook:1|ms\nsize:4|h|@0.5");
    // One datagram of faults, each of which costs a line.
    datagram(port, b"nonsense\nx:1|c|@2\nx:one|g\nx:1|?\n\xff:1|c\nx:7|c\n");
    node.await_refused("statsd", 5);
    node.restart();
    let same = |table: &str, columns: &str, wanted: &[&str]| {
        let plain = format!("select {columns} from {table} order by 1").replace('`', "\"");
        let taos = format!("select {columns} from {table} order by 1");
        same_everywhere(&node.server, "statsd", [&plain, &taos, &plain], wanted);
    };
    same("web_hits", "host, metric_type, `value`", &["a | counter | 21", "b | counter | 2"]);
    same("temp", "metric_type, `value`", &["gauge | 19.5"]);
    same("users", "metric_type, `value`", &["set | 2"]);
    let moments = "metric_type, `mean`, `stddev`, `sum`, `upper`, `lower`, `count`";
    same("took", moments, &["timing | 3.0 | 4.0 | 15.0 | 11.0 | 1.0 | 5"]);
    same("size", moments, &["histogram | 4.0 | 0.0 | 8.0 | 4.0 | 4.0 | 2"]);
    same("x", "metric_type, `value`", &["counter | 7"]);
}

#[test]
fn statsd_is_written_each_interval_over_every_protocol() {
    for protocol in ["udp", "udp6", "tcp"] {
        let listen = if protocol == "udp6" { format!("[::1]:{}", free_port()) } else { String::new() };
        let mut more = vec![("STATSD__PROTOCOL", protocol), ("STATSD__GATHER_INTERVAL", "50ms")];
        if !listen.is_empty() {
            more.push(("STATSD__LISTEN", &listen));
        }
        let (node, port) = statsd(&more);
        let mut wanted = 0;
        match protocol {
            "tcp" => {
                let mut stream = connect(port);
                // Long lines and halves of lines as with telnet.
                stream.write_all(b"hits:1|c\r\nhi").unwrap();
                stream.write_all(b"ts:1|c\n").unwrap();
                stream.write_all(&[&vec![b'x'; 1 << 20][..], b":1|c\nhits:1|c\nhits:5|"].concat()).unwrap();
                wanted = 2;
            }
            "udp6" => {
                let socket = UdpSocket::bind("[::1]:0").unwrap();
                (0..3).for_each(|_| assert_eq!(socket.send_to(b"hits:1|c", &listen).unwrap(), 8));
            }
            _ => (0..3).for_each(|_| datagram(port, b"hits:1|c")),
        }
        // How many intervals it takes is a matter of chance, the sum is not.
        node.await_rows("statsd", "select sum(`value`) from hits", &["3"]);
        node.await_refused("statsd", wanted);
    }
}
