//! Bodies of the write routes that are cut, wrong, huge or hostile, in every format and on every port: the documented refusal, in
//! bounded time and memory, nothing stored of what was refused, and the next good request works. Expectations are the sheets'.

mod batches;
mod bombs;
mod cut;
mod names;
mod times;
mod values;
mod wire;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{self, Reply};
use crate::read_back::{Dialect, Door};
use crate::server::Server;

/// Far more than any of these takes on a busy machine; what is quadratic in the body's length takes much longer.
const PATIENCE: Duration = Duration::from_secs(50);

/// A write route with a format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Api {
    pub(super) dialect: Dialect,
    /// CnosDB's and TDengine's write into `public`, KWDB's into `plant`.
    pub(super) target: &'static str,
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// What the route's samples in `/metrics` are labelled with.
    pub(super) counted_as: &'static str,
    /// A body of one row in the table `good`.
    good: fn() -> Vec<u8>,
}

const fn api(dialect: Dialect, target: &'static str, counted_as: &'static str, good: fn() -> Vec<u8>) -> Api {
    Api { dialect, target, headers: &[], counted_as, good }
}

const PROTOBUF: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];
const SPANS: &[(&str, &str)] = &[("content-type", "application/x-protobuf"), ("table", "spans")];
const SPANS_JSON: &[(&str, &str)] = &[("content-type", "application/json"), ("table", "spans")];

pub(super) const C_LINES: Api =
    api(Dialect::Cnosdb, "/api/v1/write?db=public", "write", || b"good,h=a f=1 1700000000000000000".to_vec());
pub(super) const C_TELNET: Api =
    api(Dialect::Cnosdb, "/api/v1/opentsdb/write?db=public", "opentsdb_write", || {
        b"good_telnet 1700000000000000000 1 h=a".to_vec()
    });
pub(super) const C_PUT: Api = api(Dialect::Cnosdb, "/api/v1/opentsdb/put?db=public", "opentsdb_put", || {
    br#"{"metric":"good_put","timestamp":1700000000000000000,"value":1,"tags":{"h":"a"}}"#.to_vec()
});
pub(super) const C_PROM: Api = api(Dialect::Cnosdb, "/api/v1/prom/write?db=public", "prom_write", || {
    wire::block(&wire::prom(&[(&[("__name__", "good_prom")], &[(1.0, 1_700_000_000_000)])]))
});
pub(super) const C_BULK: Api =
    api(Dialect::Cnosdb, "/api/v1/es/_bulk?db=public&table=good_bulk", "es_bulk", || {
        b"{\"index\":{}}\n{\"time\":1700000000000000000,\"a\":1}".to_vec()
    });
pub(super) const C_NDJSON: Api =
    api(Dialect::Cnosdb, "/api/v1/es/_bulk?db=public&table=good_nd&log_type=ndjson", "es_bulk", || {
        b"{\"time\":1700000000000000000,\"a\":1}".to_vec()
    });
pub(super) const C_LOKI: Api =
    api(Dialect::Cnosdb, "/api/v1/es/_bulk?db=public&table=good_loki&log_type=loki", "es_bulk", || {
        br#"{"streams":[{"stream":{"app":"x"},"values":[["1700000000000000000","line"]]}]}"#.to_vec()
    });
pub(super) const C_LOKI_PROTO: Api = Api {
    headers: PROTOBUF,
    ..api(Dialect::Cnosdb, "/api/v1/es/_bulk?db=public&table=good_lokip&log_type=loki", "es_bulk", || {
        wire::block(&wire::loki("{app=\"x\"}", &[(1_700_000_000, 0, b"line")]))
    })
};
pub(super) const C_SPANS: Api =
    Api { headers: SPANS, ..api(Dialect::Cnosdb, "/api/v1/traces", "traces", || wire::otlp(&[wire::SPAN])) };
pub(super) const C_SPANS_JSON: Api = Api {
    headers: SPANS_JSON,
    ..api(Dialect::Cnosdb, "/api/v1/traces", "traces", || {
        br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"02","name":"n","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000000005"}]}]}]}"#.to_vec()
    })
};

pub(super) const T_LINES: Api = api(Dialect::Tdengine, "/influxdb/v1/write?db=public", "influxdb", || {
    b"good_influx,h=a f=1 1700000000000000000".to_vec()
});
pub(super) const T_TELNET: Api =
    api(Dialect::Tdengine, "/opentsdb/v1/put/telnet/public", "opentsdb_telnet", || {
        b"good_puts 1700000000 1 h=a".to_vec()
    });
pub(super) const T_JSON: Api =
    api(Dialect::Tdengine, "/opentsdb/v1/put/json/public", "opentsdb_json", || {
        br#"{"metric":"good_json","timestamp":1700000000,"value":1,"tags":{"h":"a"}}"#.to_vec()
    });
pub(super) const T_PROM: Api =
    api(Dialect::Tdengine, "/prometheus/v1/remote_write/public", "prometheus", || (C_PROM.good)());

pub(super) const K_LINES: Api = api(Dialect::Kwdb, "/restapi/influxdb?db=plant", "influxdb", || {
    b"good_lines,h=a f=1 1700000000000000000".to_vec()
});
pub(super) const K_TELEGRAF: Api = api(Dialect::Kwdb, "/restapi/telegraf?db=plant", "telegraf", || {
    b"good_telegraf,h=a f=1 1700000000000000000".to_vec()
});
pub(super) const K_TELNET: Api =
    api(Dialect::Kwdb, "/restapi/opentsdbtelnet?db=plant", "opentsdbtelnet", || {
        b"good_telnet 1700000000 1 h=a".to_vec()
    });
pub(super) const K_JSON: Api = api(Dialect::Kwdb, "/restapi/opentsdbjson?db=plant", "opentsdbjson", || {
    br#"[{"metric":"good_json","timestamp":1700000000,"value":1,"tags":{"h":"a"}}]"#.to_vec()
});

pub(super) const ALL: [Api; 18] = [
    C_LINES,
    C_TELNET,
    C_PUT,
    C_PROM,
    C_BULK,
    C_NDJSON,
    C_LOKI,
    C_LOKI_PROTO,
    C_SPANS,
    C_SPANS_JSON,
    T_LINES,
    T_TELNET,
    T_JSON,
    T_PROM,
    K_LINES,
    K_TELEGRAF,
    K_TELNET,
    K_JSON,
];

/// A server with the databases that [`Api`]s write into.
pub(super) struct Node {
    pub(super) server: Server,
    data: tempfile::TempDir,
}

impl Node {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(super) fn start_with(environment: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start_with(&data.path().join("data"), environment);
        Door::kwdb(&server).run("", "create ts database plant");
        Self { server, data }
    }

    /// SIGKILL, and a new process over the same data.
    pub(super) fn restart(&mut self) {
        self.server.kill();
        self.server = Server::start(&self.data.path().join("data"));
    }

    pub(super) fn door(&self, dialect: Dialect) -> Door {
        match dialect {
            Dialect::Cnosdb => Door::cnosdb(&self.server),
            Dialect::Tdengine => Door::tdengine(&self.server),
            Dialect::Kwdb => Door::kwdb(&self.server),
        }
    }

    pub(super) fn send(&self, api: &Api, body: &[u8]) -> Reply {
        self.door(api.dialect).send("POST", api.target, api.headers, body)
    }

    /// Sends a body; the answer in one line, after a check of its form: [`verdict`].
    pub(super) fn verdict(&self, api: &Api, body: &[u8]) -> String {
        let begin = Instant::now();
        let reply = self.send(api, body);
        assert!(begin.elapsed() < PATIENCE, "{}: {:?}: {:?}", api.target, start_of(body), begin.elapsed());
        verdict(api, &reply)
    }

    /// Sends a body whose verdict must begin with `wanted`.
    pub(super) fn expect(&self, api: &Api, body: &[u8], wanted: &str) {
        let found = self.verdict(api, body);
        assert!(
            found.starts_with(wanted),
            "{}: {:?}: {found} instead of {wanted}",
            api.target,
            start_of(body)
        );
    }

    /// Nothing panicked, no table `bad…` was made, and a good body of every route is taken.
    pub(super) fn lives(&self) {
        for api in &ALL {
            self.expect(api, &(api.good)(), STORED);
        }
        for (door, database) in [(Door::cnosdb(&self.server), "public"), (Door::kwdb(&self.server), "plant")]
        {
            let tables = door.rows(database, "show tables");
            let names = tables.iter().filter_map(|row| row.first()?.as_deref());
            let bad: Vec<&str> = names.filter(|name| name.starts_with("bad")).collect();
            assert!(bad.is_empty(), "tables of refused bodies in {database}: {bad:?}");
        }
        let log = std::fs::read_to_string(self.data.path().join("data.log")).unwrap();
        assert!(!log.contains("panicked"), "{log}");
    }

    pub(super) fn metrics(&self) -> String {
        http::exchange(self.server.port, "GET", "/metrics", &[], b"").unwrap().text()
    }
}

fn start_of(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned()
}

/// The verdict of a body that was taken as a whole.
pub(super) const STORED: &str = "stored";

/// What an answer says, if it has the form that its port and route give answers: `stored`, or the status, the port's code and
/// the text.
pub(super) fn verdict(api: &Api, reply: &Reply) -> String {
    let text = reply.text();
    let json = || -> Value { serde_json::from_str(&text).unwrap_or_else(|e| panic!("{api:?}: {e}: {text}")) };
    let keys = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let status = reply.status;
    match (api.dialect, status) {
        (Dialect::Cnosdb, 200 | 204) | (Dialect::Tdengine, 202 | 204) => STORED.to_owned(),
        (Dialect::Cnosdb, 413) => {
            assert_eq!(text, "", "{api:?}");
            "413".to_owned()
        }
        (Dialect::Cnosdb, _) => {
            let json = json();
            assert_eq!(keys(&json), "error_code error_message", "{text}");
            let part = |name: &str| json[name].as_str().unwrap().to_owned();
            format!("{status} {} {}", part("error_code"), part("error_message"))
        }
        (Dialect::Tdengine, 413) => "413".to_owned(),
        (Dialect::Tdengine, _) if api.counted_as == "prometheus" => format!("{status} {text}"),
        (Dialect::Tdengine, _) => {
            let json = json();
            assert!(keys(&json).starts_with("code message"), "{text}");
            if api.counted_as != "influxdb" {
                assert_eq!(json["code"], status, "{text}");
            }
            format!("{status} {}", json["message"].as_str().unwrap())
        }
        (Dialect::Kwdb, _) => {
            let json = json();
            let keys = keys(&json);
            assert!(keys == "code desc time rows" || status == 413 && keys == "code desc", "{status} {text}");
            match (status, json["code"].as_i64().unwrap(), json["desc"].as_str()) {
                (200, 0, _) => STORED.to_owned(),
                (_, code, desc) => format!("{status} {code} {}", desc.unwrap_or_default()),
            }
        }
    }
}
