//! How much of the machine there is for us.

use std::fs;
use std::path::Path;

use chrono_tz::Tz;

use super::units::MemorySize;

/// Assumed when the machine does not tell.
const FALLBACK: u64 = 2 << 30;

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Bytes of memory: the machine's, or the least limit of the control groups around this process.
pub(crate) fn memory() -> u64 {
    memory_of(Path::new("/"))
}

/// The machine's time zone: `TZ`, else where `/etc/localtime` leads to, else UTC.
pub(crate) fn zone() -> Tz {
    let named = std::env::var("TZ").ok().and_then(|name| name.trim_start_matches(':').parse().ok());
    named.or_else(|| zone_of(Path::new("/"))).unwrap_or(Tz::UTC)
}

fn zone_of(root: &Path) -> Option<Tz> {
    let target = fs::read_link(root.join("etc/localtime")).ok()?;
    target.to_str()?.split_once("zoneinfo/")?.1.parse().ok()
}

impl MemorySize {
    /// In bytes.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Bytes(size) => size.0,
            Self::Share(percent) => memory() / 100 * u64::from(percent),
        }
    }
}

fn memory_of(root: &Path) -> u64 {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let machine = meminfo
        .lines()
        .find_map(|l| l.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(FALLBACK, |kib| kib << 10);
    group_limit(root).map_or(machine, |limit| limit.min(machine))
}

/// The least `memory.max` (version 2) or `memory.limit_in_bytes` (version 1) on the way up from our group.
fn group_limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            c if c.split(',').any(|c| c == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let mount = root.join(mount);
        let mut dir = mount.join(group.trim_start_matches('/'));
        while dir.starts_with(&mount) {
            let limit = fs::read_to_string(dir.join(file)).ok().and_then(|t| t.trim().parse::<u64>().ok());
            least = match (least, limit) {
                (Some(a), Some(b)) => Some(u64::min(a, b)),
                (a, b) => a.or(b),
            };
            if !dir.pop() {
                break;
            }
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn the_least_limit_on_the_way_up_counts() {
        let dir = tree(&[
            ("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n"),
            ("proc/self/cgroup", "0::/pod/container\n"),
            ("sys/fs/cgroup/pod/container/memory.max", "max\n"),
            ("sys/fs/cgroup/pod/memory.max", "4294967296\n"),
        ]);
        assert_eq!(memory_of(dir.path()), 4 << 30);
    }

    #[test]
    fn the_time_zone_is_where_localtime_leads() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(zone_of(dir.path()), None);
        fs::create_dir(dir.path().join("etc")).unwrap();
        let link = dir.path().join("etc/localtime");
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Europe/Berlin", link).unwrap();
        assert_eq!(zone_of(dir.path()), Some(Tz::Europe__Berlin));
    }

    #[test]
    fn without_limits_the_machine_counts() {
        let dir = tree(&[
            ("proc/meminfo", "MemTotal:       8388608 kB\n"),
            ("proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n"),
            ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(memory_of(dir.path()), 8 << 30);
        assert_eq!(memory_of(Path::new("/nonexistent")), FALLBACK);
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(memory() > 100 << 20);
        assert!(cores() >= 1);
    }
}
