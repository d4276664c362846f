//! INSERT, UPSERT, UPDATE and DELETE (sheet sections 11 and 14.1).

mod conflict;
mod delete;
pub(super) mod errors;
mod filter;
mod insert;
mod relational;
mod rows;
mod select;
mod target;
mod update;
pub(crate) mod value;

use triglot_engine::auth::Action;
use triglot_engine::{Engine, Outcome};
use triglot_model::RewriteRule;

pub(crate) use insert::literals;

use self::target::Place;
use self::value::ValueContext;
use crate::ast::{Delete, Insert, Update};
use crate::{Answer, Context, KwError};

/// The setting of the rule for rows of one device and time (sheet section 11.2).
const DEDUP_RULE: &str = "kwdb.cluster.ts.dedup.rule";

/// An INSERT that is not one of literals.
pub(crate) async fn insert(
    engine: &Engine,
    context: &Context,
    insert: Insert,
    sql: &str,
) -> Result<Answer, KwError> {
    select::run(engine, context, insert, sql).await
}

/// UPDATE of tags, or of rows of a relational table.
pub(crate) async fn update(engine: &Engine, context: &Context, update: Update) -> Result<Answer, KwError> {
    match Place::find(engine, context, &update.table, Action::Update)? {
        Place::Keyed(table) => relational::update(engine, context, &table, update).await,
        Place::Series(table) => update::tags(engine, context, &table, update).await,
        Place::Child { .. } => Err(errors::no_relation(&update.table)),
    }
}

/// DELETE by time and device, or of rows of a relational table.
pub(crate) async fn delete(engine: &Engine, context: &Context, delete: Delete) -> Result<Answer, KwError> {
    match Place::find(engine, context, &delete.table, Action::Delete)? {
        Place::Keyed(_) => relational::delete(engine, context, delete).await,
        Place::Series(table) => delete::run(engine, context, &table, delete).await,
        Place::Child { .. } => Err(errors::no_relation(&delete.table)),
    }
}

impl ValueContext {
    fn new(engine: &Engine, context: &Context) -> Self {
        Self {
            zone: context.zone,
            now_ns: engine.clock().now_ns(),
            max_bytes: engine.limits().max_value_bytes,
        }
    }
}

/// What becomes of a row that has an older one's device and time.
fn dedup_rule(engine: &Engine) -> Result<RewriteRule, KwError> {
    let catalog = engine.catalog();
    match catalog.setting(DEDUP_RULE).unwrap_or("override") {
        "override" => Ok(RewriteRule::Replace),
        "merge" => Ok(RewriteRule::Merge),
        "discard" => Ok(RewriteRule::Discard),
        "reject" => Ok(RewriteRule::Reject),
        "keep" | "keep.experimental" => {
            Err(KwError::unsupported("ts.dedup.rule keep, two rows of one time,"))
        }
        _ => Err(KwError::new("22023", "ts.dedup.rule setting value is not right")),
    }
}

/// How many rows a statement changed.
fn affected(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Affected(rows) => Answer::Affected(rows),
        Outcome::Done | Outcome::Rows(_) => Answer::Affected(0),
    }
}
