//! collectd: its `write_tsdb` plug-in to a telnet port and its `network` plug-in to the UDP port at a time. What it sends is told to
//! it by `PUTVAL`, and by its `load` plug-in, of which its `csv` plug-in keeps a record of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::agents::packages::{COLLECTD, Unpacked, unpack};
use crate::agents::process::{Agent, eventually};
use crate::agents::{await_rows, everywhere_sorted, rows_of};
use crate::server::{Server, free_port};

fn start(packages: &Unpacked, directory: &Path, telnet: u16, udp: u16) -> Agent {
    let plugins = ["csv", "load", "unixsock", "write_tsdb", "network"];
    let load: String = plugins.iter().map(|name| format!("LoadPlugin {name}\n")).collect();
    let root = packages.directory.display();
    let home = directory.display();
    let configuration = format!(
        "Hostname \"web-0\"\nFQDNLookup false\nInterval 1\nBaseDir \"{home}\"\nPIDFile \"{home}/collectd.pid\"\n\
         PluginDir \"{root}/usr/lib/collectd\"\nTypesDB \"{root}/usr/share/collectd/types.db\"\n{load}\
         <Plugin csv>\n  DataDir \"csv\"\n  StoreRates false\n</Plugin>\n\
         <Plugin unixsock>\n  SocketFile \"{home}/collectd.sock\"\n</Plugin>\n\
         <Plugin write_tsdb>\n  <Node \"triglot\">\n    Host \"127.0.0.1\"\n    Port \"{telnet}\"\n    \
           HostTags \"site=ulm rack=7\"\n    StoreRates false\n  </Node>\n</Plugin>\n\
         <Plugin network>\n  Server \"127.0.0.1\" \"{udp}\"\n</Plugin>\n"
    );
    let file = directory.join("collectd.conf");
    // Its csv plug-in refuses paths with parts that begin with a dot, as temporary directories do: `csv` is below BaseDir.
    std::fs::write(&file, configuration).unwrap();
    let mut command = packages.program("usr/sbin/collectd");
    command.arg("-f").arg("-C").arg(file).current_dir(directory);
    Agent::start("collectd", command, directory)
}

/// Values that are told to collectd: identifier, seconds, values.
const TOLD: [(&str, i64, &str); 5] = [
    ("web-1/demo-a/gauge-x", 1_704_067_200, "20.5"),
    ("web-1/demo-a/gauge-x", 1_704_067_201, "-0.125"),
    ("web-1/demo/counter", 1_704_067_200, "9007199254740992"),
    ("web-1/demo/derive-down", 1_704_067_200, "-7"),
    ("web-1/demo/load", 1_704_067_200, "0.25:1.5:123456"),
];

fn tell(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    for (identifier, time, values) in TOLD {
        writeln!(stream, "PUTVAL \"{identifier}\" interval=1 {time}:{values}")?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        assert!(answer.starts_with("0 Success"), "{identifier}: {answer}");
    }
    Ok(())
}

/// The lines of the `csv` plug-in's files whose directory is `directory`, without their heads.
fn recorded(directory: &Path) -> Vec<Vec<f64>> {
    let files = std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap()).collect();
    let lines = texts.flat_map(|text| text.lines().skip(1).map(numbers).collect::<Vec<Vec<f64>>>());
    let mut lines: Vec<Vec<f64>> = lines.collect();
    lines.sort_by(|a, b| a.partial_cmp(b).unwrap());
    lines
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn collectd_writes_lines_and_datagrams() {
    let Some(packages) = unpack(&COLLECTD) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (telnet, udp) = (free_port(), free_port());
    let (lines, datagrams) = (format!("127.0.0.1:{telnet}"), format!("127.0.0.1:{udp}"));
    let settings = [
        ("TRIGLOT_OPENTSDB_TELNET__ENABLED", "true"),
        ("TRIGLOT_OPENTSDB_TELNET__LISTEN", lines.as_str()),
        ("TRIGLOT_OPENTSDB_TELNET__DBS", "lines"),
        ("TRIGLOT_COLLECTD__ENABLED", "true"),
        ("TRIGLOT_COLLECTD__LISTEN", datagrams.as_str()),
        ("TRIGLOT_COLLECTD__DB", "datagrams"),
        ("TRIGLOT_TDENGINE__SML_AUTO_CREATE_DB", "true"),
    ];
    let server = Server::start_with(&dir.path().join("data"), &settings);
    let mut collectd = start(&packages, dir.path(), telnet, udp);
    let socket = dir.path().join("collectd.sock");
    eventually("collectd listens", &[&collectd], || {
        if socket.exists() { Ok(()) } else { Err("no socket".to_owned()) }
    });
    tell(&socket).unwrap();
    let csv = dir.path().join("csv");
    eventually("collectd has worked", &[&collectd], || {
        let loads = recorded(&csv.join("web-0/load")).len();
        // The file of the last value told.
        let told = recorded(&csv.join("web-1/demo")).len();
        if loads >= 3 && told >= 3 { Ok(()) } else { Err(format!("{loads} loads, {told} values told")) }
    });
    // What it held back it sends when it ends.
    collectd.stop();
    check_told(&server, &collectd);
    check_loads(&server, &collectd, &recorded(&csv.join("web-0/load")));
}

/// What was told: names with dots for OpenTSDB, a table for each value in datagrams.
fn check_told(server: &Server, collectd: &Agent) {
    let wanted = |sql: &str, database: &str, rows: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        await_rows(server, database, sql, &rows, &[collectd]);
    };
    let line =
        |table: &str| format!("select \"_ts\", \"fqdn\", \"site\", \"rack\", \"_value\" from \"{table}\"");
    let at = ["2024-01-01T00:00:00.000000000Z", "2024-01-01T00:00:01.000000000Z"];
    let tags = "web-1 | ulm | 7";
    wanted(
        &line("demo_a_gauge_x"),
        "lines",
        &[&format!("{} | {tags} | 20.5", at[0]), &format!("{} | {tags} | -0.125", at[1])],
    );
    for (table, value) in [
        ("demo_counter", "9007199254740992.0"),
        ("demo_down_derive", "-7.0"),
        ("demo_load_shortterm", "0.25"),
        ("demo_load_midterm", "1.5"),
        ("demo_load_longterm", "123456.0"),
    ] {
        wanted(&line(table), "lines", &[&format!("{} | {tags} | {value}", at[0])]);
    }
    // Tags that are empty in a datagram are none, so a table has those that one of its rows had.
    wanted(
        "select \"_ts\", \"host\", \"instance\", \"type\", \"type_instance\", \"value\" from \"demo_value\"",
        "datagrams",
        &[
            &format!("{} | web-1 | NULL | counter | NULL | 9007199254740992.0", at[0]),
            &format!("{} | web-1 | NULL | derive | down | -7.0", at[0]),
            &format!("{} | web-1 | a | gauge | x | 20.5", at[0]),
            &format!("{} | web-1 | a | gauge | x | -0.125", at[1]),
        ],
    );
    for (number, value) in ["0.25", "1.5", "123456.0"].iter().enumerate() {
        let sql = format!("select \"_ts\", \"host\", \"type\", \"value\" from \"demo_{number}\"");
        wanted(&sql, "datagrams", &[&format!("{} | web-1 | load | {value}", at[0])]);
    }
}

/// The machine's load, by collectd's own record of what it sent: milliseconds and six places.
fn check_loads(server: &Server, collectd: &Agent, record: &[Vec<f64>]) {
    for (number, name) in ["shortterm", "midterm", "longterm"].iter().enumerate() {
        // Lines have whole seconds: of two in one second the last one stays.
        let lines: BTreeMap<i64, f64> =
            record.iter().map(|line| (line[0].round() as i64 * 1000, line[number + 1])).collect();
        let datagrams: BTreeMap<i64, f64> =
            record.iter().map(|line| ((line[0] * 1000.0).round() as i64, line[number + 1])).collect();
        let sql = format!("select \"_ts\", \"_value\" from \"load_load_{name}\"");
        let is_near = |(found, wanted): (&(i64, f64), (&i64, &f64))| {
            (found.0 - wanted.0).abs() <= 1 && (found.1 - wanted.1).abs() < 1e-6
        };
        for (database, sql, wanted) in [
            ("lines", sql, &lines),
            ("datagrams", format!("select \"_ts\", \"value\" from \"load_{number}\""), &datagrams),
        ] {
            eventually(&sql, &[collectd], || {
                let rows = rows_of(server, database, &sql)?;
                let found: Vec<(i64, f64)> = rows.iter().map(|line| timed(line)).collect();
                let is_same = found.len() == wanted.len() && found.iter().zip(wanted).all(is_near);
                if is_same { Ok(()) } else { Err(format!("wanted {wanted:?}, found {found:?}")) }
            });
            assert_eq!(everywhere_sorted(server, database, &sql).len(), wanted.len());
        }
    }
}

/// Milliseconds and the value of a line of [`rows_of`].
fn timed(line: &str) -> (i64, f64) {
    let (time, value) = line.split_once(" | ").unwrap();
    let time = chrono::DateTime::parse_from_rfc3339(time).unwrap();
    (time.timestamp_millis(), value.parse().unwrap())
}
