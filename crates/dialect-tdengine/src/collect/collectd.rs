//! collectd's `network` plug-in over UDP (`collectd`). Each value is a row of `<plugin>_value`, or `<plugin>_<number>` where a
//! type has several, as Telegraf's parser, which taosAdapter uses, splits them.

use std::borrow::Cow;
use std::net::UdpSocket;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use triglot_parse_collectors::collectd::{Packet, ValueList};

use super::datagrams::{Datagrams, queue};
use super::rows::{Number, Row, store_rows};
use super::sink::{Place, Sink};
use super::stop::Stop;
use crate::app::TdengineApp;
use crate::error::SetupError;

/// The agent's section of the configuration, and its name in metrics.
pub const NAME: &str = "collectd";

/// Datagrams that wait for a writer. One holds about 1.4 KiB, which is some 40 values.
const QUEUE: usize = 10_000;
/// Rows that one writer takes on at a time.
const ROWS_AT_ONCE: usize = 2_000;

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct CollectdOptions {
    /// Into which database, as whom.
    pub place: Place,
    /// `worker`: writes at a time.
    pub workers: usize,
}

/// The agent, ready to run.
#[derive(Debug)]
pub struct Collectd {
    sockets: Vec<UdpSocket>,
    sink: Arc<Sink>,
    workers: usize,
}

impl Collectd {
    /// Sockets must not block.
    ///
    /// # Errors
    /// [`SetupError::Token`].
    pub fn new(
        app: &TdengineApp,
        options: &CollectdOptions,
        sockets: Vec<UdpSocket>,
    ) -> Result<Self, SetupError> {
        let sink = Arc::new(Sink::new(app, NAME, &options.place)?);
        Ok(Self { sockets, sink, workers: options.workers.max(1) })
    }

    /// Serves until `stop`; returns when everything received is written.
    pub async fn run(self, stop: Stop) {
        let Self { sockets, sink, workers } = self;
        sink.check().await;
        let mut tasks = JoinSet::new();
        for socket in sockets {
            let (arrivals, datagrams) = queue(QUEUE);
            let datagrams = Arc::new(Mutex::new(datagrams));
            tasks.spawn(arrivals.receive(socket, Arc::clone(&sink), stop.clone()));
            for _ in 0..workers {
                tasks.spawn(write(Arc::clone(&datagrams), Arc::clone(&sink), stop.clone()));
            }
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Writes what is queued, several datagrams at a time where they are there.
async fn write(datagrams: Arc<Mutex<Datagrams>>, sink: Arc<Sink>, stop: Stop) {
    let mut rows = Vec::new();
    loop {
        // One writer waits for a datagram; the others wait for it to have one.
        let mut queued = datagrams.lock().await;
        let Some(first) = queued.next().await else { return };
        add(&first, &sink, &mut rows);
        while rows.len() < ROWS_AT_ONCE {
            let Some(next) = queued.next_now() else { break };
            add(&next, &sink, &mut rows);
        }
        drop(queued);
        store_rows(&sink, &stop, std::mem::take(&mut rows), 1).await;
    }
}

/// Adds a datagram's rows. It ends at its first fault, which counts as one record: how many it hid is not known.
fn add(datagram: &Bytes, sink: &Sink, rows: &mut Vec<Row>) {
    let now_ns = sink.now_ns();
    for list in Packet::new(datagram) {
        match list {
            Ok(list) => push_rows(&list, now_ns, rows),
            Err(error) => sink.lost("datagram", 1, &error),
        }
    }
}

fn push_rows(list: &ValueList<'_>, now_ns: i64, rows: &mut Vec<Row>) {
    let texts = [
        ("host", list.host),
        ("instance", list.plugin_instance),
        ("type", list.type_name),
        ("type_instance", list.type_instance),
    ];
    let given = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let tags: Vec<_> = given.map(|(name, text)| (Cow::Borrowed(name), text.to_owned())).collect();
    for (at, value) in list.values.iter().enumerate() {
        let table = match list.values.len() {
            1 => format!("{}_value", list.plugin),
            _ => format!("{}_{at}", list.plugin),
        };
        rows.push(Row {
            table,
            tags: tags.clone(),
            fields: vec![(Cow::Borrowed("value"), Number::Float(value.as_f64()))],
            time_ns: list.time_ns.unwrap_or(now_ns),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triglot_parse_collectors::collectd::Value;

    #[test]
    fn values_become_rows_as_telegraf_splits_them() {
        let mut list = ValueList {
            host: "web1",
            plugin: "cpu",
            plugin_instance: "0",
            type_name: "cpu",
            type_instance: "idle",
            time_ns: Some(7),
            values: vec![Value::Gauge(1.5)],
            ..ValueList::default()
        };
        let mut rows = Vec::new();
        push_rows(&list, 9, &mut rows);
        let tag = |name: &'static str, text: &str| (Cow::Borrowed(name), text.to_owned());
        let value = |value| vec![(Cow::Borrowed("value"), Number::Float(value))];
        let all =
            vec![tag("host", "web1"), tag("instance", "0"), tag("type", "cpu"), tag("type_instance", "idle")];
        assert_eq!(rows, [Row { table: "cpu_value".into(), tags: all, fields: value(1.5), time_ns: 7 }]);

        (list.plugin, list.plugin_instance, list.type_name, list.type_instance) =
            ("interface", "", "if_octets", "");
        (list.values, list.time_ns) = (vec![Value::Derive(-7), Value::Counter(8)], None);
        rows.clear();
        push_rows(&list, 9, &mut rows);
        let tags = vec![tag("host", "web1"), tag("type", "if_octets")];
        let row = |table: &str, number| Row {
            table: table.into(),
            tags: tags.clone(),
            fields: value(number),
            time_ns: 9,
        };
        assert_eq!(rows, [row("interface_0", -7.0), row("interface_1", 8.0)]);
    }
}
