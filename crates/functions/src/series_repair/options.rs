//! `option=value&option=value`.

use super::function::RepairError;
use super::{FillMethod, Interval, StartMode, TimeRepair};

const NS_IN_MS: f64 = 1e6;

/// Options not read so far.
#[derive(Debug)]
pub(super) struct Options<'t>(Vec<(&'t str, &'t str)>);

/// How values are repaired. Speeds are changes of value for each nanosecond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ValueRepair {
    Screen { min_speed: Option<f64>, max_speed: Option<f64> },
    LsGreedy { center: Option<f64>, sigma: Option<f64> },
}

impl<'t> Options<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, RepairError> {
        let pairs = text.split('&').map(str::trim).filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').ok_or_else(|| RepairError::Option(pair.to_owned()))?;
            Ok((name.trim(), value.trim()))
        });
        Ok(Self(pairs.collect::<Result<_, RepairError>>()?))
    }

    /// The value of an option; the last one counts.
    fn take(&mut self, option: &str) -> Option<&'t str> {
        let value = self.0.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(option)).map(|(_, v)| *v);
        self.0.retain(|(name, _)| !name.eq_ignore_ascii_case(option));
        value
    }

    fn number(&mut self, option: &str) -> Result<Option<f64>, RepairError> {
        let Some(value) = self.take(option) else { return Ok(None) };
        match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(RepairError::Value { option: option.to_owned(), value: value.to_owned() }),
        }
    }

    /// A speed for each millisecond, as one for each nanosecond.
    fn speed(&mut self, option: &str) -> Result<Option<f64>, RepairError> {
        Ok(self.number(option)?.map(|speed| speed / NS_IN_MS))
    }

    fn finish(&self) -> Result<(), RepairError> {
        match self.0.first() {
            Some((name, value)) => Err(RepairError::Option(format!("{name}={value}"))),
            None => Ok(()),
        }
    }
}

pub(super) fn parse_times(options: &mut Options<'_>) -> Result<TimeRepair, RepairError> {
    let mut interval = match options.take("method").map(str::to_ascii_lowercase).as_deref() {
        None | Some("median") => Interval::Median,
        Some("mode") => Interval::Mode,
        Some("cluster") => Interval::Cluster,
        Some(other) => return Err(RepairError::Method(other.to_owned())),
    };
    if let Some(text) = options.take("interval") {
        let ns = text.parse::<i64>().ok().filter(|ms| *ms > 0).and_then(|ms| ms.checked_mul(1_000_000));
        let refused = || RepairError::Value { option: "interval".to_owned(), value: text.to_owned() };
        interval = Interval::Fixed(ns.ok_or_else(refused)?);
    }
    let start = match options.take("start_mode").map(str::to_ascii_lowercase).as_deref() {
        None | Some("linear") => StartMode::Linear,
        Some("mode") => StartMode::Mode,
        Some(other) => return Err(RepairError::StartMode(other.to_owned())),
    };
    options.finish()?;
    Ok(TimeRepair { interval, start })
}

pub(super) fn parse_fill(options: &mut Options<'_>) -> Result<FillMethod, RepairError> {
    let method = match options.take("method").map(str::to_ascii_lowercase).as_deref() {
        None | Some("linear") => FillMethod::Linear,
        Some("mean") => FillMethod::Mean,
        Some("previous") => FillMethod::Previous,
        Some("ar") => FillMethod::Autoregression,
        Some("ma") => FillMethod::MovingAverage,
        Some(other) => return Err(RepairError::Method(other.to_owned())),
    };
    options.finish()?;
    Ok(method)
}

pub(super) fn parse_values(options: &mut Options<'_>) -> Result<ValueRepair, RepairError> {
    let method = options.take("method").map(str::to_ascii_lowercase);
    let (min_speed, max_speed) = (options.speed("min_speed")?, options.speed("max_speed")?);
    let (center, sigma) = (options.speed("center")?, options.speed("sigma")?);
    options.finish()?;
    match method.as_deref() {
        None | Some("screen") => Ok(ValueRepair::Screen { min_speed, max_speed }),
        Some("lsgreedy") => Ok(ValueRepair::LsGreedy { center, sigma }),
        Some(other) => Err(RepairError::Method(other.to_owned())),
    }
}
