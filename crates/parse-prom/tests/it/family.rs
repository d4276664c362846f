use triglot_parse_prom::family::{Families, Kind, MemberError, Part};
use triglot_parse_prom::text::{Entries, Entry, Format};

/// `family kind part labels` of each sample.
fn members(page: &str, format: Format) -> Vec<Result<(String, Kind, String, String), MemberError>> {
    let mut families = Families::default();
    let mut found = Vec::new();
    for entry in Entries::new(page, format) {
        match entry.unwrap() {
            Entry::Type { name, kind } => families.declare(&name, kind),
            Entry::Sample(sample) => found.push(families.member(&sample).map(|member| {
                let labels: Vec<String> =
                    member.labels(&sample.labels).map(|(n, v)| format!("{n}={v}")).collect();
                let part = match member.part {
                    Part::Value => "value".to_owned(),
                    Part::Bucket(bound) => format!("<= {bound}"),
                    Part::Quantile(share) => format!("share {share}"),
                    Part::Sum => "sum".to_owned(),
                    Part::Count => "count".to_owned(),
                    Part::Created => "created".to_owned(),
                    Part::State(state) => format!("is {state}"),
                };
                (member.family.to_owned(), member.kind, part, labels.join(","))
            })),
        }
    }
    found
}

fn check(page: &str, format: Format, wanted: &[(&str, Kind, &str, &str)]) {
    let found: Vec<_> = members(page, format).into_iter().map(Result::unwrap).collect();
    let found: Vec<_> = found.iter().map(|(f, k, p, l)| (&**f, *k, &**p, &**l)).collect();
    assert_eq!(found, wanted);
}

#[test]
fn the_older_format_names_what_it_says() {
    let page = r#"# TYPE h histogram
h_bucket{le="0.1",a="b"} 1
h_bucket{a="b",le="+Inf"} 2
h_sum{a="b"} 3
h_count{a="b"} 2
# TYPE s summary
s{quantile="0.99"} 4
s_sum 5
s_count 6
# TYPE c_total counter
c_total{le="1",quantile="x"} 7
c_total_sum 8
# TYPE h_max gauge
h_max 9
no_type_count 10
s_bucket{le="1"} 11
"#;
    check(
        page,
        Format::Prometheus,
        &[
            ("h", Kind::Histogram, "<= 0.1", "a=b"),
            ("h", Kind::Histogram, "<= inf", "a=b"),
            ("h", Kind::Histogram, "sum", "a=b"),
            ("h", Kind::Histogram, "count", "a=b"),
            ("s", Kind::Summary, "share 0.99", ""),
            ("s", Kind::Summary, "sum", ""),
            ("s", Kind::Summary, "count", ""),
            ("c_total", Kind::Counter, "value", "le=1,quantile=x"),
            ("c_total_sum", Kind::Untyped, "value", ""),
            ("h_max", Kind::Gauge, "value", ""),
            ("no_type_count", Kind::Untyped, "value", ""),
            ("s_bucket", Kind::Untyped, "value", "le=1"),
        ],
    );
}

#[test]
fn openmetrics_names_families_without_suffixes() {
    let page = r#"# TYPE c counter
c_total 1
c_created 2
# TYPE build info
build_info{version="1"} 1
# TYPE mode stateset
mode{mode="fast",host="a"} 1
mode{host="a",mode="slow"} 0
# TYPE g gaugehistogram
g_bucket{le="1e6"} 3
g_gsum 4
g_gcount 5
# TYPE u unknown
u 6
# TYPE h histogram
h_created 7
# TYPE u counter
u 8
# EOF
"#;
    check(
        page,
        Format::OpenMetrics,
        &[
            ("c", Kind::Counter, "value", ""),
            ("c", Kind::Counter, "created", ""),
            ("build", Kind::Info, "value", "version=1"),
            ("mode", Kind::StateSet, "is fast", "host=a"),
            ("mode", Kind::StateSet, "is slow", "host=a"),
            ("g", Kind::GaugeHistogram, "<= 1000000", ""),
            ("g", Kind::GaugeHistogram, "sum", ""),
            ("g", Kind::GaugeHistogram, "count", ""),
            ("u", Kind::Untyped, "value", ""),
            ("h", Kind::Histogram, "created", ""),
            ("u", Kind::Untyped, "value", ""),
        ],
    );
}

#[test]
fn a_family_of_the_whole_name_comes_before_one_with_a_suffix() {
    let page = "# TYPE a summary\n# TYPE a_count gauge\na_count 1\na_sum 2\n";
    check(
        page,
        Format::Prometheus,
        &[("a_count", Kind::Gauge, "value", ""), ("a", Kind::Summary, "sum", "")],
    );
}

#[test]
fn bounds_are_numbers() {
    let page =
        "# TYPE h histogram\nh_bucket{le=\"x\"} 1\nh_bucket 1\n# TYPE s summary\ns{quantile=\"\"} 1\ns 1\n";
    let found = members(page, Format::Prometheus);
    let bound = Err(MemberError::Bound { name: "h_bucket".to_owned() });
    assert_eq!(found[..2], [bound.clone(), bound]);
    assert_eq!(found[2], Err(MemberError::Quantile { name: "s".to_owned() }));
    assert_eq!(found[3].as_ref().unwrap().2, "value");
}
