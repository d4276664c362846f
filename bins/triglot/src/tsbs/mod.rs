//! The load of the Time Series Benchmark Suite's use case "cpu-only": same tags, fields, value walk,
//! interval and row order as timescale/tsbs (`pkg/data/usecases/devops`).

mod random;

use random::{Normal, Random};

/// TSBS's default start: 2016-01-01T00:00:00Z, in seconds.
pub(crate) const DEFAULT_START: i64 = 1_451_606_400;
/// TSBS's default interval between two rows of a host, in seconds.
pub(crate) const INTERVAL: i64 = 10;
/// The measurement.
pub(crate) const TABLE: &str = "cpu";
/// Its fields, all integers.
pub(crate) const FIELDS: [&str; 10] = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];
const REGIONS: [(&str, &[&str]); 9] = [
    ("us-east-1", &["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1e"]),
    ("us-west-1", &["us-west-1a", "us-west-1b"]),
    ("us-west-2", &["us-west-2a", "us-west-2b", "us-west-2c"]),
    ("eu-west-1", &["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
    ("eu-central-1", &["eu-central-1a", "eu-central-1b"]),
    ("ap-southeast-1", &["ap-southeast-1a", "ap-southeast-1b"]),
    ("ap-southeast-2", &["ap-southeast-2a", "ap-southeast-2b"]),
    ("ap-northeast-1", &["ap-northeast-1a", "ap-northeast-1c"]),
    ("sa-east-1", &["sa-east-1a", "sa-east-1b", "sa-east-1c"]),
];
const RACKS: usize = 100;
const OS: [&str; 3] = ["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"];
const ARCH: [&str; 2] = ["x64", "x86"];
const TEAMS: [&str; 4] = ["SF", "NYC", "LON", "CHI"];
const SERVICES: usize = 20;
const SERVICE_VERSIONS: usize = 2;
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "test"];
/// Fields walk between 0 and this.
const MAX: f64 = 100.0;

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Hosts (series).
    pub(crate) hosts: usize,
    /// Time of the first rows, seconds since the epoch.
    pub(crate) start: i64,
    /// Units of a second in timestamps: 1,000 to 1,000,000,000.
    pub(crate) units_per_second: i64,
    /// The same seed gives the same bytes.
    pub(crate) seed: u64,
}

#[derive(Debug)]
struct Host {
    /// `cpu,hostname=… usage_user=`
    head: Vec<u8>,
    values: [f64; FIELDS.len()],
}

/// Writes rows as line protocol, ordered by time, then host; without end.
#[derive(Debug)]
pub(crate) struct Generator {
    hosts: Vec<Host>,
    next_host: usize,
    time: i64,
    step: i64,
    random: Random,
    normal: Normal,
    /// `12i,usage_system=` for each value and field, ends with a blank at the last field.
    values: Vec<Vec<u8>>,
}

impl Generator {
    pub(crate) fn new(load: &Load) -> Self {
        let mut random = Random::new(load.seed);
        let hosts = (0..load.hosts).map(|n| Host::new(n, &mut random)).collect();
        let mut values = Vec::new();
        for next in FIELDS.iter().skip(1).map(Some).chain([None]) {
            for value in 0..=MAX as u8 {
                values.push(match next {
                    Some(name) => format!("{value}i,{name}=").into_bytes(),
                    None => format!("{value}i ").into_bytes(),
                });
            }
        }
        Self {
            hosts,
            next_host: 0,
            time: load.start.saturating_mul(load.units_per_second),
            step: INTERVAL * load.units_per_second,
            random,
            normal: Normal::new(),
            values,
        }
    }

    /// Appends `rows` rows.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>, rows: usize) {
        out.reserve(rows * 400);
        let mut time = self.time.to_string();
        for _ in 0..rows {
            let Some(host) = self.hosts.get_mut(self.next_host) else { return };
            out.extend_from_slice(&host.head);
            for (field, value) in host.values.iter_mut().enumerate() {
                // TSBS cuts off the fraction. The clamp keeps the index inside its field's block.
                let index = field * (MAX as usize + 1) + *value as usize;
                if let Some(text) = self.values.get(index) {
                    out.extend_from_slice(text);
                }
                *value = (*value + self.normal.draw(&mut self.random)).clamp(0.0, MAX);
            }
            out.extend_from_slice(time.as_bytes());
            out.push(b'\n');
            self.next_host += 1;
            if self.next_host == self.hosts.len() {
                self.next_host = 0;
                self.time = self.time.saturating_add(self.step);
                time = self.time.to_string();
            }
        }
    }
}

impl Host {
    fn new(number: usize, random: &mut Random) -> Self {
        let (region, zones) = REGIONS[random.below(REGIONS.len())];
        let datacenter = zones[random.below(zones.len())];
        let rack = random.below(RACKS);
        let os = OS[random.below(OS.len())];
        let arch = ARCH[random.below(ARCH.len())];
        let team = TEAMS[random.below(TEAMS.len())];
        let service = random.below(SERVICES);
        let version = random.below(SERVICE_VERSIONS);
        let environment = ENVIRONMENTS[random.below(ENVIRONMENTS.len())];
        let head = format!(
            "{TABLE},hostname=host_{number},region={region},datacenter={datacenter},rack={rack},os={os},arch={arch},\
             team={team},service={service},service_version={version},service_environment={environment} {}=",
            FIELDS[0]
        );
        Self { head: head.into_bytes(), values: std::array::from_fn(|_| random.unit() * MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use triglot_parse_lp::{Dialect, FieldValue, Parser};

    const LOAD: Load = Load { hosts: 50, start: DEFAULT_START, units_per_second: 1_000_000_000, seed: 1 };

    fn text(load: &Load, rows: usize) -> String {
        let mut out = Vec::new();
        Generator::new(load).fill(&mut out, rows);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_in_any_batch_size() {
        let whole = text(&LOAD, 1000);
        let mut parts = Vec::new();
        let mut generator = Generator::new(&LOAD);
        for rows in [1, 99, 400, 500] {
            generator.fill(&mut parts, rows);
        }
        assert_eq!(whole.as_bytes(), parts);
        assert_ne!(whole, text(&Load { seed: 2, ..LOAD }, 1000));
    }

    #[test]
    fn rows_have_the_shape_of_tsbs() {
        let body = text(&LOAD, 500);
        let mut seen = BTreeSet::new();
        for (n, point) in Parser::new(&body, Dialect::Influx).enumerate() {
            let point = point.unwrap();
            assert_eq!(point.measurement(), "cpu");
            let tags: Vec<_> =
                point.tags().iter().map(|t| (t.key().into_owned(), t.value().into_owned())).collect();
            let keys: Vec<&str> = tags.iter().map(|(k, _)| k.as_str()).collect();
            assert_eq!(
                keys,
                [
                    "hostname",
                    "region",
                    "datacenter",
                    "rack",
                    "os",
                    "arch",
                    "team",
                    "service",
                    "service_version",
                    "service_environment"
                ]
            );
            assert_eq!(tags[0].1, format!("host_{}", n % 50));
            assert!(tags[2].1.starts_with(&tags[1].1), "the zone is one of the region: {tags:?}");
            assert!(tags[3].1.parse::<u32>().unwrap() < 100);
            assert!(tags[7].1.parse::<u32>().unwrap() < 20);
            assert!(["0", "1"].contains(&tags[8].1.as_str()));
            seen.insert(tags[9].1.clone());
            let names: Vec<_> = point.fields().iter().map(|f| f.key().into_owned()).collect();
            assert_eq!(names, FIELDS);
            for field in point.fields() {
                assert!(matches!(field.value(), FieldValue::I64(0..=100)));
            }
            assert_eq!(point.timestamp(), Some((DEFAULT_START + n as i64 / 50 * 10) * 1_000_000_000));
        }
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn values_walk_by_normal_steps_within_bounds() {
        let one = Load { hosts: 1, ..LOAD };
        let mut generator = Generator::new(&one);
        let mut out = Vec::new();
        let (mut steps, mut squares, mut last) = (0.0f64, 0.0f64, generator.hosts[0].values);
        for _ in 0..20_000 {
            generator.fill(&mut out, 1);
            for (new, old) in generator.hosts[0].values.into_iter().zip(last) {
                assert!((0.0..=100.0).contains(&new));
                // Clamped steps are shorter than drawn.
                if (10.0..90.0).contains(&old) {
                    steps += 1.0;
                    squares += (new - old).powi(2);
                }
            }
            last = generator.hosts[0].values;
        }
        assert!(steps > 10_000.0 && (squares / steps - 1.0).abs() < 0.03, "{steps} {squares}");
    }
}
