//! Byte sizes as CnosDB writes them: `128MiB` (binary), `300M` (decimal); shown in binary units
//! (sheet section 12).

/// Reads a size into bytes; none if it is not one or does not fit into 64 bits.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let number: f64 = text.get(..digits)?.parse().ok()?;
    let bytes = number * unit(text.get(digits..)?.trim())?;
    (bytes.is_finite() && bytes < u64::MAX as f64).then_some(bytes as u64)
}

fn unit(text: &str) -> Option<f64> {
    let upper = text.to_ascii_uppercase();
    let (power, base): (i32, f64) = match upper.as_str() {
        "" | "B" => (0, 1.0),
        "K" | "KB" => (1, 1000.0),
        "M" | "MB" => (2, 1000.0),
        "G" | "GB" => (3, 1000.0),
        "T" | "TB" => (4, 1000.0),
        "KIB" => (1, 1024.0),
        "MIB" => (2, 1024.0),
        "GIB" => (3, 1024.0),
        "TIB" => (4, 1024.0),
        _ => return None,
    };
    Some(base.powi(power))
}

/// Shows a size in the largest binary unit that is not above it.
pub fn show_size(bytes: u64) -> String {
    for (power, name) in [(4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")] {
        let unit = 1024f64.powi(power);
        if bytes as f64 >= unit {
            return format!("{} {name}", bytes as f64 / unit);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_show_as_the_sheet_says() {
        for (text, shown) in [
            ("128MiB", "128 MiB"),
            ("128 MiB", "128 MiB"),
            ("300M", "286.102294921875 MiB"),
            ("128M", "122.0703125 MiB"),
            ("1024", "1 KiB"),
            ("1000", "1000 B"),
            ("2GiB", "2 GiB"),
            ("1.5KiB", "1.5 KiB"),
        ] {
            assert_eq!(show_size(parse_size(text).unwrap()), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "1X", "-1", "99999999999999 TiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
