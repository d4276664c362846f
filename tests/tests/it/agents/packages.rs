//! Where agents come from, and in which version. Nothing is installed and no daemon starts: packages are unpacked below
//! `target/agents`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::clients::{missing, run};
use crate::server::profile_dir;

/// Debian packages that are unpacked into one directory, each with how its version begins.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// Of the directory.
    pub(crate) name: &'static str,
    pub(crate) packages: &'static [(&'static str, &'static str)],
}

pub(super) const PROMETHEUS: Bundle = Bundle { name: "prometheus", packages: &[("prometheus", "2.42.")] };
pub(super) const VICTORIA: Bundle =
    Bundle { name: "victoria-metrics", packages: &[("victoria-metrics", "1.79.")] };
pub(super) const NODE_EXPORTER: Bundle =
    Bundle { name: "prometheus-node-exporter", packages: &[("prometheus-node-exporter", "1.5.")] };
/// With the libraries of the plug-ins that the tests use.
pub(super) const COLLECTD: Bundle = Bundle {
    name: "collectd",
    packages: &[
        ("collectd-core", "5.12."),
        ("libgcrypt20", "1.10."),
        ("libgpg-error0", "1.46-"),
        ("libcap2", "1:2.66-"),
    ],
};

pub(super) const RSYSLOG: Bundle = Bundle {
    name: "rsyslog",
    packages: &[
        ("rsyslog", "8.2302."),
        ("rsyslog-elasticsearch", "8.2302."),
        ("libestr0", "0.1."),
        ("libfastjson4", "1.2304."),
    ],
};
pub(super) const SYSLOG_NG: Bundle = Bundle {
    name: "syslog-ng",
    packages: &[
        ("syslog-ng-core", "3.38."),
        ("syslog-ng-mod-http", "3.38."),
        ("syslog-ng-scl", "3.38."),
        ("libivykis0", "0.42."),
        ("libnet1", "1.1."),
        ("libpcre3", "2:8.39"),
        ("libwrap0", "7.6."),
    ],
};

/// Of PyPI. Never with opentsdb-py, whose module has the same name as opentsdb-client's.
pub(super) const METRIC_LIBRARIES: [&str; 6] = [
    "influxdb==5.3.2",
    "opentsdb-client==0.6.1",
    "potsdb==1.0.3",
    "statsd==4.0.1",
    "prometheus-remote-writer==0.0.12",
    "requests==2.32.3",
];
/// Of npm.
pub(super) const METRIC_MODULES: [&str; 2] = ["influx@5.12.0", "prometheus-remote-write@0.5.1"];

/// An unpacked bundle.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) directory: PathBuf,
}

impl Unpacked {
    /// A program by its path in the package, such as `usr/bin/prometheus`, with the bundle's libraries.
    pub(crate) fn program(&self, path: &str) -> Command {
        let mut command = Command::new(self.directory.join(path));
        let libraries = ["usr/lib", "lib"].iter().flat_map(|parent| {
            let entries = std::fs::read_dir(self.directory.join(parent)).into_iter().flatten();
            let directories = entries.filter_map(|entry| Some(entry.ok()?.path()));
            directories.filter(|directory| {
                directory.to_string_lossy().ends_with("-linux-gnu") || directory.ends_with("syslog-ng")
            })
        });
        let libraries: Vec<PathBuf> = libraries.collect();
        if !libraries.is_empty() {
            let joined: OsString = std::env::join_paths(libraries).unwrap();
            command.env("LD_LIBRARY_PATH", joined);
        }
        // A proxy of the environment is not for loopback.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }
}

/// Downloads and unpacks on first use. None (only on a developer's machine): there is no apt.
pub(crate) fn unpack(bundle: &Bundle) -> Option<Unpacked> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let agents = profile_dir().parent().unwrap().join("agents");
    let directory = agents.join(bundle.name);
    let wanted = format!("{:?}", bundle.packages);
    // Written last: what is not said in it may not be there.
    if std::fs::read_to_string(directory.join("bundle.txt")).is_ok_and(|found| found == wanted) {
        return Some(Unpacked { directory });
    }
    if ["apt-get", "dpkg-deb"].iter().any(|program| missing(program)) {
        assert!(std::env::var_os("CI").is_none(), "apt-get or dpkg-deb is missing in CI");
        eprintln!("SKIPPED: without apt-get there is no {}", bundle.name);
        return None;
    }
    let fresh = agents.join(format!(".{}-{}", bundle.name, std::process::id()));
    std::fs::create_dir_all(&fresh).unwrap();
    download(bundle, &fresh);
    for entry in std::fs::read_dir(&fresh).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("-x").arg(&entry).arg(&fresh));
            std::fs::remove_file(entry).unwrap();
        }
    }
    std::fs::write(fresh.join("bundle.txt"), wanted).unwrap();
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::rename(&fresh, &directory).unwrap();
    Some(Unpacked { directory })
}

/// Debian's files of the bundle, in the versions that the tests were written with.
fn download(bundle: &Bundle, into: &Path) {
    let names = bundle.packages.iter().map(|(name, _)| *name);
    let mut get = Command::new("apt-get");
    get.args(["download", "-qq", "-o", "APT::Sandbox::User=root"]).args(names).current_dir(into);
    if !get.status().unwrap().success() {
        run(Command::new("apt-get").args(["update", "-qq"]));
        run(&mut get);
    }
    for (name, version) in bundle.packages {
        let files = std::fs::read_dir(into).unwrap().map(|entry| entry.unwrap().file_name());
        let file = files
            .map(|file| file.to_string_lossy().into_owned())
            .find(|file| file.starts_with(&format!("{name}_")));
        let file = file.unwrap_or_else(|| panic!("apt-get download gave no {name}"));
        let found = file[name.len() + 1..].replace("%3a", ":");
        assert!(found.starts_with(version), "{file}: the tests were written with {name} {version}");
    }
}

/// The directory for `NODE_PATH` with these packages of npm, installed on first use into `target/<name>`.
pub(crate) fn modules(name: &str, packages: &[&str]) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let directory = profile_dir().parent().unwrap().join(name);
    let installed = directory.join("installed.txt");
    let wanted = packages.join("\n");
    if !std::fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        std::fs::create_dir_all(&directory).unwrap();
        let mut install = Command::new("npm");
        install.args(["install", "--silent", "--no-save", "--prefix"]).arg(&directory).args(packages);
        run(&mut install);
        std::fs::write(installed, wanted).unwrap();
    }
    directory.join("node_modules")
}
