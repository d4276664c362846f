//! `cargo +nightly fuzz run evaluate` in `crates/jsonata`: an expression, a line feed, an input. No panic, no
//! overflow of the stack, results that are JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_jsonata::Expression;

fuzz_target!(|text: &str| {
    let (expression, input) = text.split_once('\n').unwrap_or((text, "null"));
    let Ok(expression) = Expression::compile(expression) else { return };
    if let Ok(Some(output)) = expression.evaluate(input, 0) {
        assert!(Expression::compile("$").unwrap().evaluate(&output, 0).is_ok(), "{output}");
    }
});
