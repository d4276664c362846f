//! Settings that a user of another product brings along, in its file or its environment. What has a
//! counterpart is carried over, the rest is accepted and told.

use toml::{Table, Value};

/// Where a setting goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goes {
    /// To a key of ours, its value as it is.
    To(&'static str, &'static str),
    /// A number of seconds, to a duration of ours.
    Seconds(&'static str, &'static str),
    /// `wal.sync`: to `wal.mode`.
    WalMode,
    /// Gigabytes, to `memory.total`.
    Memory,
    /// A host, to the listener's address.
    Host,
    /// A port, to the listener's address.
    Port,
    /// A port, to an address of this machine: as with [`Goes::Port`], nothing is opened to others by a number.
    PortOf(&'static str, &'static str),
    /// A list of ports, to addresses of this machine.
    Ports(&'static str, &'static str),
    /// A list, to a list of ours; bare numbers in it are given the unit.
    List(&'static str, &'static str, &'static str),
    /// Whether the certificate that is given counts.
    Tls,
    /// Nowhere: one node of triglot has no such thing, or no need to be told.
    Nowhere,
}

/// A section, or a section within a section (`a.b`), or the keys above all sections (empty), with its keys.
pub(super) type Section = (&'static str, &'static [(&'static str, Goes)]);

/// A product's configuration.
#[derive(Debug)]
pub(super) struct Vendor {
    pub(super) settings: &'static [Section],
    /// Sections of which nothing is carried over, whatever they hold.
    pub(super) whole_sections: &'static [&'static str],
    /// Our section of the product's listener.
    pub(super) listener: &'static str,
    /// The product's port.
    pub(super) port: &'static str,
    /// Begin of the names of variables …
    pub(super) prefix: &'static str,
    /// … and what follows for a section and a key; compared without regard to case.
    pub(super) variable: fn(&str, &str) -> String,
}

/// Settings in our words.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Carried {
    /// `section`, `key`, value: keys of ours.
    pub(super) settings: Vec<(&'static str, &'static str, Value)>,
    /// Names of settings that count for nothing here.
    pub(super) ignored: Vec<String>,
    host: Option<String>,
    port: Option<String>,
    tls: Option<bool>,
}

impl Carried {
    /// Takes the vendor's settings out of a file, and leaves ours.
    pub(super) fn take_from(vendor: &Vendor, table: &mut Table) -> Self {
        let mut carried = Self::default();
        for section in vendor.whole_sections {
            if table.remove(*section).is_some() {
                carried.ignored.push((*section).to_owned());
            }
        }
        for (name, keys) in vendor.settings {
            let Some(section) = section_of(table, name) else { continue };
            for (key, goes) in *keys {
                if let Some(value) = section.remove(*key) {
                    carried.add(*goes, &full_name(name, key), value);
                }
            }
        }
        remove_empty(vendor, table);
        carried.finish(vendor)
    }

    /// The vendor's variables of the environment. Variables of no known setting are told as ignored.
    pub(super) fn from_environment(vendor: &Vendor, variables: &[(String, String)]) -> Self {
        let mut carried = Self::default();
        let mut theirs: Vec<_> =
            variables.iter().filter(|(name, _)| name.starts_with(vendor.prefix)).collect();
        theirs.sort();
        for (name, text) in theirs {
            match vendor.of_variable(name) {
                Some(goes) => carried.add(goes, name, Value::String(text.clone())),
                None => carried.ignored.push(name.clone()),
            }
        }
        carried.finish(vendor)
    }

    /// The vendor's flags: names of settings with their texts.
    pub(super) fn from_flags(vendor: &Vendor, flags: &[(String, String)]) -> Self {
        let mut carried = Self::default();
        for (name, text) in flags {
            match vendor.of_name(name) {
                Some(goes) => carried.add(goes, name, Value::String(text.clone())),
                None => carried.ignored.push(name.clone()),
            }
        }
        carried.finish(vendor)
    }

    fn add(&mut self, goes: Goes, name: &str, value: Value) {
        let text = match &value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        match goes {
            Goes::To(section, key) => self.settings.push((section, key, value)),
            // A bare number is seconds; with a unit it is what our durations are, too.
            Goes::Seconds(section, key) => {
                let unit = if text.ends_with(|c: char| c.is_ascii_digit()) { "s" } else { "" };
                self.settings.push((section, key, Value::String(format!("{text}{unit}"))));
            }
            Goes::WalMode => {
                // Not synced by the vendor means: when the operating system likes. It is told at the start.
                let mode = if text == "true" { "always" } else { "os" };
                self.settings.push(("wal", "mode", Value::String(mode.to_owned())));
            }
            Goes::Memory => self.settings.push(("memory", "total", Value::String(format!("{text}GiB")))),
            Goes::Host => self.host = Some(text),
            Goes::Port => self.port = Some(text),
            Goes::PortOf(section, key) => {
                self.settings.push((section, key, Value::String(format!("127.0.0.1:{text}"))));
            }
            Goes::Ports(section, key) => self.settings.push((section, key, loopback(&value, &text))),
            Goes::List(section, key, unit) => self.settings.push((section, key, list(&value, unit))),
            Goes::Tls => self.tls = Some(text == "true"),
            Goes::Nowhere => self.ignored.push(name.to_owned()),
        }
    }

    /// The vendors listen on every address. Here it is the host that the file names, which by default
    /// is 127.0.0.1: a server is not opened to others by a port number.
    fn finish(mut self, vendor: &Vendor) -> Self {
        if self.tls.take() == Some(false) {
            self.settings.retain(|(section, key, _)| !(*section == "server" && key.starts_with("tls_")));
        }
        let (host, port) = (self.host.take(), self.port.take());
        if host.is_some() || port.is_some() {
            let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let listen = format!("{host}:{}", port.as_deref().unwrap_or(vendor.port));
            self.settings.push((vendor.listener, "listen", Value::String(listen)));
        }
        self
    }
}

/// A list of ports as addresses of this machine: a list if it is one, else (of a variable or a flag) a text with commas.
fn loopback(ports: &Value, text: &str) -> Value {
    let address = |port: &str| format!("127.0.0.1:{port}");
    match ports {
        Value::Array(ports) => {
            Value::Array(ports.iter().map(|port| Value::String(address(&port.to_string()))).collect())
        }
        _ => {
            let ports = text.split([',', ' ', '[', ']']).filter(|port| !port.is_empty());
            Value::String(ports.map(address).collect::<Vec<_>>().join(","))
        }
    }
}

/// A list as it is, or (of a variable or a flag) a text with commas; the vendor's has blanks.
fn list(given: &Value, unit: &str) -> Value {
    let with_unit = |text: &str| {
        let is_bare = !unit.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if is_bare { format!("{text}{unit}") } else { text.to_owned() }
    };
    let element = |value: &Value| match value {
        Value::String(text) => Value::String(with_unit(text)),
        Value::Integer(number) if !unit.is_empty() => Value::String(with_unit(&number.to_string())),
        other => other.clone(),
    };
    match given {
        Value::Array(all) => Value::Array(all.iter().map(element).collect()),
        Value::String(text) => {
            let all = text.split([',', ' ']).filter(|part| !part.is_empty());
            Value::String(all.map(with_unit).collect::<Vec<_>>().join(","))
        }
        other => other.clone(),
    }
}

impl Vendor {
    fn of_variable(&self, name: &str) -> Option<Goes> {
        let name = name.strip_prefix(self.prefix)?;
        self.find(|section, key| (self.variable)(section, key).eq_ignore_ascii_case(name))
    }

    /// A setting by its name with its section.
    pub(super) fn of_name(&self, name: &str) -> Option<Goes> {
        self.find(|section, key| full_name(section, key) == name)
    }

    fn find(&self, is_it: impl Fn(&str, &str) -> bool) -> Option<Goes> {
        // `log.level` is ours, too, and means the same.
        if is_it("log", "level") {
            return Some(Goes::To("log", "level"));
        }
        let of = |(section, keys): &Section| {
            keys.iter().find(|(key, _)| is_it(section, key)).map(|(_, goes)| *goes)
        };
        self.settings.iter().find_map(of)
    }
}

fn full_name(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// A section, or a section within a section.
fn section_of<'t>(table: &'t mut Table, name: &str) -> Option<&'t mut Table> {
    let mut found = table;
    for part in name.split('.').filter(|part| !part.is_empty()) {
        found = found.get_mut(part)?.as_table_mut()?;
    }
    Some(found)
}

/// Removes the vendor's sections of which nothing is left, so that what is left is ours or a mistake.
fn remove_empty(vendor: &Vendor, table: &mut Table) {
    for (name, _) in vendor.settings {
        let (outer, inner) = name.split_once('.').unwrap_or((name, ""));
        if let Some(section) = table.get_mut(outer).and_then(Value::as_table_mut) {
            if section.get(inner).and_then(Value::as_table).is_some_and(Table::is_empty) {
                section.remove(inner);
            }
            if section.is_empty() {
                table.remove(outer);
            }
        }
    }
}
