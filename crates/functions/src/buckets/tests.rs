//! Against calendars of chrono: dates and zones, no arithmetic of ours.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, TimeUnit, TimestampMillisecondType};
use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, TimeZone};
use chrono_tz::Tz;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use proptest::prelude::*;

use super::{BucketError, Buckets, Width, bucket_next, bucket_start};

const DAY: i64 = 86_400_000;

/// Midnight of a date on a zone's clocks, or the first instant after a gap that holds it.
fn midnight(zone: Tz, date: NaiveDate) -> i64 {
    let mut local = date.and_hms_opt(0, 0, 0).unwrap();
    loop {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(t) | LocalResult::Ambiguous(t, _) => return t.timestamp_millis(),
            LocalResult::None => local += chrono::Duration::seconds(1),
        }
    }
}

fn date_of(zone: Tz, time: i64) -> NaiveDate {
    DateTime::from_timestamp_millis(time).unwrap().with_timezone(&zone).date_naive()
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        Tz::UTC,
        Tz::Asia__Shanghai,
        Tz::Asia__Kolkata,
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::America__Sao_Paulo,
        Tz::Australia__Lord_Howe,
        Tz::Pacific__Apia,
        Tz::Africa__Cairo,
        Tz::America__Havana,
        Tz::Asia__Tehran,
    ])
}

/// 1970 to 2036 and some time before.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![-400_000_000_000_i64..2_090_000_000_000, (0_i64..24_000).prop_map(|d| d * DAY)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn days_begin_at_local_midnight(zone in zone(), time in time(), days in 1_i64..20) {
        let buckets = Buckets::new(Width::Fixed(days * DAY), 0, zone, TimeUnit::Millisecond).unwrap();
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let number = (date_of(zone, time) - epoch).num_days().div_euclid(days);
        let date = |n: i64| epoch + chrono::Duration::days(n * days);
        prop_assert_eq!(buckets.start_of(time).unwrap(), midnight(zone, date(number)));
        let next = [1, 2].map(|n| midnight(zone, date(number + n)));
        let start = buckets.start_of(time).unwrap();
        let expected = if next[0] > start { next[0] } else { next[1] };
        prop_assert_eq!(buckets.next(start).unwrap(), expected);
    }

    #[test]
    fn months_begin_on_the_first(zone in zone(), time in time(), months in 1_i64..30) {
        let buckets = Buckets::new(Width::Months(months), 0, zone, TimeUnit::Millisecond).unwrap();
        let date = date_of(zone, time);
        let month = i64::from(date.year() - 1970) * 12 + i64::from(date.month0());
        let first = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
        let at = |number: i64| {
            let since_1900 = u32::try_from(number * months + 840).unwrap();
            midnight(zone, first.checked_add_months(Months::new(since_1900)).unwrap())
        };
        let number = month.div_euclid(months);
        prop_assert_eq!(buckets.start_of(time).unwrap(), at(number));
        prop_assert_eq!(buckets.next(at(number)).unwrap(), at(number + 1));
    }

    /// Whatever the offset: start <= time < next, starts are starts, and the one before ends there.
    #[test]
    fn buckets_follow_one_another(
        zone in zone(), time in time(), offset in -3 * DAY..3 * DAY,
        width in prop_oneof![
            (1_i64..40).prop_map(|d| Width::Fixed(d * DAY)), (1_i64..40_000_000).prop_map(Width::Fixed),
            (1_i64..30).prop_map(Width::Months),
        ],
    ) {
        let buckets = Buckets::new(width, offset, zone, TimeUnit::Millisecond).unwrap();
        let start = buckets.start_of(time).unwrap();
        let next = buckets.next(start).unwrap();
        prop_assert!(start <= time && time < next);
        prop_assert_eq!(buckets.start_of(start).unwrap(), start);
        prop_assert_eq!(buckets.start_of(next).unwrap(), next);
        prop_assert_eq!(buckets.start_of(next - 1).unwrap(), start);
        let before = buckets.start_of(start - 1).unwrap();
        prop_assert_eq!(buckets.next(before).unwrap(), start);
    }
}

fn start(width: Width, offset: i64, zone: Tz, time: &str) -> String {
    let time = DateTime::parse_from_rfc3339(time).unwrap().timestamp_millis();
    let buckets = Buckets::new(width, offset, zone, TimeUnit::Millisecond).unwrap();
    let start = buckets.start_of(time).unwrap();
    DateTime::from_timestamp_millis(start).unwrap().with_timezone(&zone).to_rfc3339()
}

/// The sheet's rules (section 8, INTERVAL), worked out with a calendar.
#[test]
fn alignment_of_the_sheet() {
    let shanghai = Tz::Asia__Shanghai;
    let week = Width::Fixed(7 * DAY);
    // 2021-07-15 is a Thursday.
    assert_eq!(start(week, 0, shanghai, "2021-07-21T15:59:59Z"), "2021-07-15T00:00:00+08:00");
    assert_eq!(start(week, 0, shanghai, "2021-07-21T16:00:00Z"), "2021-07-22T00:00:00+08:00");
    // Hours align to the epoch also where the zone is half an hour off.
    assert_eq!(
        start(Width::Fixed(3_600_000), 0, Tz::Asia__Kolkata, "2021-07-21T10:10:00Z"),
        "2021-07-21T15:30:00+05:30"
    );
    assert_eq!(start(Width::Months(3), 0, shanghai, "2021-09-30T15:59:59Z"), "2021-07-01T00:00:00+08:00");
    assert_eq!(start(Width::Months(12), 0, shanghai, "2021-12-31T16:00:00Z"), "2022-01-01T00:00:00+08:00");
    assert_eq!(
        start(Width::Fixed(DAY), 3_600_000, shanghai, "2021-07-20T16:30:00Z"),
        "2021-07-20T01:00:00+08:00"
    );
    assert_eq!(
        start(Width::Months(1), 2 * DAY, shanghai, "2021-07-02T15:59:59Z"),
        "2021-06-03T00:00:00+08:00"
    );
    // Summer time began at 02:00 on 2021-03-28: a day of 23 hours.
    let berlin = Buckets::new(Width::Fixed(DAY), 0, Tz::Europe__Berlin, TimeUnit::Millisecond).unwrap();
    let sunday = berlin.start_of(1_616_929_200_000).unwrap();
    assert_eq!(berlin.next(sunday).unwrap() - sunday, 23 * 3_600_000);
}

#[test]
fn years_that_begin_in_april() {
    let buckets = Buckets::new(Width::Months(12), 0, Tz::UTC, TimeUnit::Second).unwrap();
    let buckets = buckets.with_offset_months(3).unwrap();
    let at = |y, m, d| {
        NaiveDate::from_ymd_opt(y, m, d).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
    };
    assert_eq!(buckets.start_of(at(2021, 3, 31)).unwrap(), at(2020, 4, 1));
    assert_eq!(buckets.next(at(2020, 4, 1)).unwrap(), at(2021, 4, 1));
    let fixed = Buckets::new(Width::Fixed(1), 0, Tz::UTC, TimeUnit::Second).unwrap();
    assert_eq!(fixed.with_offset_months(1), Err(BucketError::OffsetInMonths { months: 1 }));
}

#[test]
fn the_ends_of_time_are_errors() {
    for (width, zone) in [
        (Width::Fixed(DAY), Tz::Asia__Shanghai),
        (Width::Fixed(999), Tz::UTC),
        (Width::Months(7), Tz::America__New_York),
    ] {
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Nanosecond] {
            let buckets = Buckets::new(width, 5, zone, unit).unwrap();
            assert!(buckets.start_of(i64::MIN).is_err(), "{buckets}");
            let _ = (buckets.start_of(i64::MAX), buckets.next(i64::MAX));
        }
    }
    assert_eq!(
        Buckets::new(Width::Months(0), 0, Tz::UTC, TimeUnit::Second),
        Err(BucketError::Empty { width: 0 })
    );
    // A day that a zone skipped has no length; the one after it follows.
    let apia = Buckets::new(Width::Fixed(DAY), 0, Tz::Pacific__Apia, TimeUnit::Millisecond).unwrap();
    let day = NaiveDate::from_ymd_opt(2011, 12, 29).unwrap();
    let (start, next) = (midnight(Tz::Pacific__Apia, day), midnight(Tz::Pacific__Apia, day + Days::new(2)));
    assert_eq!(apia.next(start), Ok(next));
}

#[test]
fn functions_keep_type_and_null() {
    let buckets = Buckets::new(Width::Fixed(10), 3, Tz::UTC, TimeUnit::Millisecond).unwrap();
    for (function, expected) in [
        (bucket_start(buckets), [Some(3), None, Some(-7)]),
        (bucket_next(buckets), [Some(13), None, Some(3)]),
    ] {
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(12), None, Some(-1)]));
        let field = Arc::new(Field::new("t", times.data_type().clone(), true));
        let args = ScalarFunctionArgs {
            number_rows: 3,
            arg_fields: vec![Arc::clone(&field)],
            args: vec![ColumnarValue::Array(times)],
            return_field: field,
            config_options: Arc::new(ConfigOptions::default()),
        };
        let starts = function.invoke_with_args(args).unwrap().into_array(3).unwrap();
        let starts: Vec<Option<i64>> = starts.as_primitive::<TimestampMillisecondType>().iter().collect();
        assert_eq!(starts, expected);
        assert!(function.return_type(&[DataType::Timestamp(TimeUnit::Second, None)]).is_err());
    }
}
