//! The `[cnosdb]` section of the configuration.

use serde::{Deserialize, Deserializer, Serialize};

/// The `[cnosdb]` section. Unknown keys are errors. Sizes are bytes, or text such as `"16M"` with
/// binary units, as the vendor's file has them; the vendor's spellings of keys are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CnosDbConfig {
    /// Whether the dialect is served at all.
    pub enabled: bool,
    /// Address and port to listen on.
    pub listen: String,
    /// Compare passwords. `false` is the vendor's default: the password is not compared, which
    /// triglot does for loopback peers only.
    pub auth_enabled: bool,
    /// HTTP status of an answer to wrong credentials: 401 as documented, or 422 as the vendor's
    /// server does.
    pub auth_error_status: u16,
    /// What `items` of an answer to `_bulk` holds.
    pub bulk_items: BulkItems,
    /// The vendor's `global.node_id`, a label of `/metrics`.
    pub node_id: u64,
    /// Most bytes of a body of `/api/v1/sql`.
    #[serde(deserialize_with = "size")]
    pub query_sql_limit: usize,
    /// Most bytes of a body of `/api/v1/write`, before and after decompression.
    #[serde(deserialize_with = "size")]
    pub write_sql_limit: usize,
}

/// See [`CnosDbConfig::bulk_items`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BulkItems {
    /// Objects, as Elasticsearch answers and its clients demand.
    Object,
    /// Strings, as the vendor's server answers.
    String,
}

impl Default for CnosDbConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: "127.0.0.1:8902".to_owned(),
            auth_enabled: true,
            auth_error_status: 401,
            bulk_items: BulkItems::Object,
            node_id: 1001,
            query_sql_limit: 16 << 20,
            write_sql_limit: 160 << 20,
        }
    }
}

/// A number of bytes, or text with a unit.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(usize),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Bytes(bytes) => Ok(bytes),
        Size::Text(text) => parse_size(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is not a size, write it like \"16M\""))
        }),
    }
}

fn parse_size(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: usize = text.get(..digits)?.parse().ok()?;
    let shift = match text.get(digits..)?.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

impl CnosDbConfig {
    /// What is wrong with the values, in words that name the key.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        if !matches!(self.auth_error_status, 401 | 422) {
            return Err(format!(
                "cnosdb.auth_error_status is {}, it can be 401 or 422",
                self.auth_error_status
            ));
        }
        if self.query_sql_limit == 0 || self.write_sql_limit == 0 {
            return Err("cnosdb.query_sql_limit and cnosdb.write_sql_limit must be above 0".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_or_text() {
        let parsed: CnosDbConfig =
            serde_json::from_str(r#"{"query_sql_limit": "16M", "write_sql_limit": 1000}"#).unwrap();
        assert_eq!(parsed.query_sql_limit, 16 << 20);
        assert_eq!(parsed.write_sql_limit, 1000);
        assert!(serde_json::from_str::<CnosDbConfig>(r#"{"query_sql_limit": "16X"}"#).is_err());
        assert!(serde_json::from_str::<CnosDbConfig>(r#"{"querry_sql_limit": 1}"#).is_err());
    }

    #[test]
    fn defaults_are_the_vendors_but_for_passwords() {
        let c = CnosDbConfig::default();
        assert_eq!((c.query_sql_limit, c.write_sql_limit), (16_777_216, 167_772_160));
        assert!(c.auth_enabled);
        assert_eq!(c.check(), Ok(()));
        assert!(CnosDbConfig { auth_error_status: 403, ..c }.check().is_err());
    }
}
