use std::process::Output;

use crate::server::{run, text};

fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text(&output.stderr)
}

#[test]
fn config_check_and_print() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("triglot.toml");
    std::fs::write(&file, "[wal]\nmode = \"os\"\n[auth]\nroot_password = \"geheim\"\n").unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(text(&run(&["config", "check", path]).stdout), format!("{path}: ok\n"));
    let printed =
        text(&run(&["config", "print", "--config", path, "--set", "cnosdb.listen=127.0.0.1:1"]).stdout);
    assert!(printed.contains("mode = \"os\"") && printed.contains("listen = \"127.0.0.1:1\""), "{printed}");
    assert!(!printed.contains("geheim"));
    std::fs::write(&file, "[wal]\nmoed = \"os\"\n").unwrap();
    let said = failed(&run(&["config", "check", path]));
    assert_eq!(said, format!("triglot: {path}:2: there is no key wal.moed; did you mean wal.mode?\n"));
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell]).stdout);
        assert!(script.contains("import") && script.contains("repair"), "{shell}");
    }
}
