//! Plans of queries that come again with other times and tag values: what dashboards ask.
//!
//! Planning a small query costs more than running it. So the physical plan of a query over one table
//! is kept under the query's *shape*: the statement without the literals that bound time and pick tag
//! values ([`shape`]). For the next query of the shape only the scan is made anew, and put below the
//! kept operators ([`template`]). A scan decides these literals exactly, so the operators never see
//! them; whatever does not look like this is planned as a whole.
//!
//! Names are resolved for each query, so its rows come from a snapshot of its own and the right
//! to read is checked each time. A plan that calls `now()` or anything else that is not constant is not
//! kept. A table that is altered is another table to the cache.
//!
//! SQL of DataFusion's goes through [`PlannedQuery::new`]. A language with syntax trees of its own asks
//! [`ShapedQuery::note`] first, and gives the plan that it made to [`PlannedQuery::of_shape`] if there is none.

mod shape;
mod template;

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::sqlparser::ast::Query;
use parking_lot::Mutex;

use self::shape::Shape;
pub use self::shape::ShapedQuery;
use self::template::Template;
use crate::{QueryError, QuerySession, plan_query};

/// Shapes that are kept, the most recently used ones.
const MAX_SHAPES: usize = 256;

/// Longer texts are not kept: their planning is not what their time goes into.
const MAX_TEXT: usize = 8 << 10;

/// What a language remembers with a kept plan: what it says of the columns, for one.
pub type Note = Arc<dyn Any + Send + Sync>;

/// A query that can be planned as a whole, where no kept plan fits after all.
pub trait Plannable: Debug + Send + Sync {
    /// Its plan. It must not block.
    ///
    /// # Errors
    /// Those of the planner.
    fn plan(&self, session: &QuerySession) -> Result<LogicalPlan, QueryError>;
}

/// A query that is planned, or whose plan may be taken from the cache.
#[derive(Clone, Debug)]
pub struct PlannedQuery(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    logical: Logical,
    /// None: such queries are not kept.
    shaped: Option<ShapedQuery>,
    note: Option<Note>,
}

#[derive(Clone, Debug)]
enum Logical {
    Made(LogicalPlan),
    /// There are plans for the shape, one of which may fit.
    Kept(Arc<dyn Plannable>),
}

impl PlannedQuery {
    /// Plans `query` as far as it must be: for shapes that are known nothing is left to do.
    ///
    /// # Errors
    /// Those of the planner.
    pub fn new(query: Query, session: &QuerySession) -> Result<Self, QueryError> {
        let shaped = ShapedQuery::of_tree(&query, session);
        let known = shaped.as_ref().is_some_and(|s| session.plans().note_of(&s.shape).is_some());
        let logical = if known {
            Logical::Kept(Arc::new(OfClient(query)))
        } else {
            Logical::Made(OfClient(query).plan(session)?)
        };
        Ok(Self(Box::new(Inner { logical, shaped, note: None })))
    }

    /// A plan of no shape: it is not kept.
    pub fn once(plan: LogicalPlan) -> Self {
        Self(Box::new(Inner { logical: Logical::Made(plan), shaped: None, note: None }))
    }

    /// The first plan of a shape. It is kept with `note`, if it turns out to suit other queries of the shape.
    pub fn of_shape(plan: LogicalPlan, shaped: ShapedQuery, note: Note) -> Self {
        Self(Box::new(Inner { logical: Logical::Made(plan), shaped: Some(shaped), note: Some(note) }))
    }

    /// A query of a shape of which plans are kept, see [`ShapedQuery::note`]. `again` is this query as a whole: for
    /// values that no kept plan suits.
    pub fn known(shaped: ShapedQuery, note: Note, again: Arc<dyn Plannable>) -> Self {
        Self(Box::new(Inner { logical: Logical::Kept(again), shaped: Some(shaped), note: Some(note) }))
    }

    /// Whether plans of the shape are kept.
    #[cfg(test)]
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.0.logical, Logical::Kept(_))
    }

    /// Starts the query. It may read the series index, as [`QuerySession::physical_plan`] does.
    ///
    /// # Errors
    /// Those of the planner.
    pub async fn execute(self, session: &QuerySession) -> Result<SendableRecordBatchStream, QueryError> {
        let plan = self.physical_plan(session).await?;
        Ok(execute_stream(plan, session.task_ctx())?)
    }

    /// The operators that the query runs.
    ///
    /// # Errors
    /// Those of the planner.
    pub(crate) async fn physical_plan(
        self,
        session: &QuerySession,
    ) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
        let Inner { logical, shaped, note } = *self.0;
        if let Some(shaped) = &shaped
            && let Some(plan) = session.plans().bind(shaped, session)?
        {
            return Ok(plan);
        }
        let logical = match logical {
            Logical::Made(plan) => plan,
            Logical::Kept(query) => query.plan(session)?,
        };
        let physical = session.physical_plan(&logical).await?;
        if let Some(shaped) = shaped
            && let Some(template) = Template::new(&logical, &physical, &shaped, session)?
        {
            session.plans().keep(shaped.shape, template, note);
        }
        Ok(physical)
    }
}

/// A query in SQL whose rows a client sees.
#[derive(Debug)]
struct OfClient(Query);

impl Plannable for OfClient {
    fn plan(&self, session: &QuerySession) -> Result<LogicalPlan, QueryError> {
        let plan = plan_query(self.0.clone(), session)?;
        match session.shared().finish {
            Some(finish) => Ok(finish(plan)?),
            None => Ok(plan),
        }
    }
}

impl ShapedQuery {
    /// What was remembered with the kept plans of this shape. None: there are none.
    pub fn note<N: Any + Send + Sync>(&self, session: &QuerySession) -> Option<Arc<N>> {
        session.plans().note_of(&self.shape)??.downcast().ok()
    }
}

/// The kept plans of one session builder.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shapes: HashMap<Shape, Kept>,
    clock: u64,
}

/// The plans of one shape: over rows that come by time, and over others.
#[derive(Debug, Default)]
struct Kept {
    templates: Vec<Arc<Template>>,
    note: Option<Note>,
    used: u64,
}

impl PlanCache {
    /// How many shapes are known.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().shapes.len()
    }

    /// The note of a shape, if plans of it are kept.
    fn note_of(&self, shape: &Shape) -> Option<Option<Note>> {
        self.0.lock().shapes.get(shape).map(|kept| kept.note.clone())
    }

    fn templates(&self, shape: &Shape) -> Vec<Arc<Template>> {
        let mut state = self.0.lock();
        state.clock += 1;
        let clock = state.clock;
        let Some(kept) = state.shapes.get_mut(shape) else { return Vec::new() };
        kept.used = clock;
        kept.templates.clone()
    }

    /// A kept plan over what `shaped` reads now.
    fn bind(
        &self,
        shaped: &ShapedQuery,
        session: &QuerySession,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>, QueryError> {
        let templates = self.templates(&shaped.shape);
        let Some(first) = templates.first() else { return Ok(None) };
        let Some(scan) = first.scan(shaped, session)? else { return Ok(None) };
        match templates.iter().find(|t| t.fits(&scan)) {
            Some(template) => Ok(Some(template.bind(scan)?)),
            None => Ok(None),
        }
    }

    fn keep(&self, shape: Shape, template: Template, note: Option<Note>) {
        if shape.text_len() > MAX_TEXT {
            return;
        }
        let mut state = self.0.lock();
        state.clock += 1;
        let clock = state.clock;
        if state.shapes.len() >= MAX_SHAPES
            && !state.shapes.contains_key(&shape)
            && let Some(oldest) = state.shapes.iter().min_by_key(|(_, k)| k.used).map(|(s, _)| s.clone())
        {
            state.shapes.remove(&oldest);
        }
        let kept = state.shapes.entry(shape).or_default();
        kept.used = clock;
        if kept.templates.is_empty() {
            kept.note = note;
        }
        if !kept.templates.iter().any(|t| t.is_ordered() == template.is_ordered()) {
            kept.templates.push(Arc::new(template));
        }
    }
}
