//! The evaluator against the reference implementation, and at its bounds.

use serde_json::Value;
use triglot_jsonata::{CompileErrorKind, EvalError, Expression, MAX_LEVELS};

/// Expressions that are refused on purpose where the reference has a result, with why.
const DIFFERENT: [(&str, &str); 3] = [
    ("1/0", "no number is silently null"),
    ("account.orders#$i", "bindings of positions are refused"),
    ("account.orders@$o", "bindings of contexts are refused"),
];

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn results_are_the_references() {
    let groups: Vec<Value> = serde_json::from_str(include_str!("reference.json")).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for group in &groups {
        let input = group["input"].to_string();
        for case in group["results"].as_array().unwrap() {
            let text = case["expression"].as_str().unwrap();
            count += 1;
            let found = match Expression::compile(text) {
                Ok(expression) => expression.evaluate(&input, 0).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let is_right = match &found {
                found if DIFFERENT.iter().any(|(different, _)| *different == text) => found.is_err(),
                Err(_) => case.get("code").is_some(),
                Ok(None) => case.get("nothing").is_some(),
                Ok(Some(json)) => {
                    case.get("value").is_some_and(|wanted| same(&serde_json::from_str(json).unwrap(), wanted))
                }
            };
            if !is_right {
                wrong.push(format!("{text}: {found:?}\n  reference: {case}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 270, "{count}");
}

fn evaluate(expression: &str, input: &str) -> Result<Option<String>, EvalError> {
    Expression::compile(expression).unwrap().evaluate(input, 1_700_000_000_123)
}

#[test]
fn numbers_pass_through_as_they_were_written() {
    let input =
        r#"{"a":9007199254740993,"b":0.1000000000000000055511151231257827,"c":1e400,"d":-0.0,"e":[1.50]}"#;
    let wanted = r#"[9007199254740993,0.1000000000000000055511151231257827,1e400]"#;
    assert_eq!(evaluate("[a,b,c]", input).unwrap().as_deref(), Some(wanted));
    assert_eq!(evaluate("a + 1", input).unwrap().as_deref(), Some("9007199254740992"));
    assert!(evaluate("c + 1", input).is_err());
}

#[test]
fn time_is_the_callers() {
    assert_eq!(
        evaluate("[$now(), $millis()]", "0").unwrap().unwrap(),
        r#"["2023-11-14T22:13:20.123Z",1700000000123]"#
    );
}

#[test]
fn what_is_not_here_is_told_when_it_is_compiled() {
    for (text, part) in [
        ("a.%", "the parent operator"),
        ("$eval('1')", "function $eval"),
        ("a ~> |b|{}|", "the transform operator"),
        ("$formatNumber(1, '#')", "function $formatNumber"),
        ("a@$x.b", "the binding of a context"),
        ("a#$i.b", "the binding of a position"),
    ] {
        let error = Expression::compile(text).unwrap_err();
        assert!(matches!(error.kind, CompileErrorKind::Unsupported(_)), "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    let error = Expression::compile("a[1 +").unwrap_err();
    assert_eq!(error.to_string(), "offset 5: an expression is expected");
}

#[test]
fn hostile_expressions_are_refused() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("-", ""), ("{'a':", "}"), ("a[", "]"), ("1?1:", ""), ("$f(", ")")]
    {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(Expression::compile(&text).is_err(), "{open}");
    }
    // Long, but not deep.
    let sum = format!("1{}", "+1".repeat(90));
    assert_eq!(evaluate(&sum, "0").unwrap().as_deref(), Some("91"));
    let deep_left = format!("1{}", "+1".repeat(100_000));
    assert!(Expression::compile(&deep_left).is_err());
    assert!(Expression::compile("/(a{1000}){1000}/").is_err());
}

/// On a stack of the size that the documentation tells.
#[test]
fn hostile_inputs_end() {
    std::thread::Builder::new().stack_size(8 << 20).spawn(try_hostile_inputs).unwrap().join().unwrap();
}

fn try_hostile_inputs() {
    let limit = |expression: &str, input: &str| match evaluate(expression, input) {
        Err(EvalError::Limit(what)) => what,
        other => panic!("{expression}: {:?}", other.map(|o| o.map(|o| o.len()))),
    };
    let list = format!("[{}1]", "1,".repeat(20_000));
    assert_eq!(limit("($f := function($n) { 1 + $f($n + 1) }; $f(0))", "0"), "levels");
    assert_eq!(limit("($f := function($n) { $map([$n], function($x) { $f($x) }) }; $f(0))", "0"), "levels");
    assert_eq!(limit("$reduce($, function($a, $b) { {'a': $a} })", &list), "nested values");
    assert_eq!(limit("$reduce($, function($a, $b) { [[$a]] })", &list), "nested values");
    assert_eq!(limit("$reduce($, function($a, $b) { $a & $a }, 'xxxxxxxxxxxxxxxx')", &list), "text");
    assert_eq!(limit("$map($, function($a) { $map($$, function($b) { $b }) })", &list), "steps");
    assert_eq!(limit("$[$ in $$]", &list), "steps");
    assert_eq!(limit("[1..1e9]", "0"), "elements of a range");
    assert_eq!(limit("$pad('x', 1e12)", "0"), "text");
    let functions = "($g := function($v) { ($h := function() { $v }; $h) }; $count([1..1000000].($g($))))";
    assert!(matches!(limit(functions, "0"), "functions that are kept" | "steps"));
    // Functions that know each other are no leak and end.
    let chain = "$reduce($map($, function($v) { function($x) { $x + $v } }), \
                 function($a, $b) { function($x) { $a($x) + 1 } })(0)";
    assert_eq!(limit(chain, &list), "levels");
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(evaluate("**", &deep).unwrap().as_deref(), Some("1"));
    assert!(evaluate("$", &format!("{}1{}", "[".repeat(200), "]".repeat(200))).is_err());
    assert_eq!(
        evaluate("($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(150))", "0").unwrap().as_deref(),
        Some("150")
    );
    const { assert!(MAX_LEVELS >= 1000) }
}

#[test]
fn wide_objects_are_looked_up_at_once() {
    let members: Vec<String> = (0..10_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let input = format!("{{{}}}", members.join(","));
    assert_eq!(evaluate("k9999", &input).unwrap().as_deref(), Some("9999"));
    assert_eq!(evaluate("$count($keys($))", &input).unwrap().as_deref(), Some("10000"));
    let error = evaluate("k1", "{\"k1\":1,\"k1\":2}").unwrap_err();
    assert_eq!(error.to_string(), "input: \"k1\" is there twice");
    assert!(evaluate("k1", "{\"k1\":NaN}").is_err());
}
