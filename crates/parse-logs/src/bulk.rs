//! Elasticsearch's bulk bodies: a line with an action, then a line with its document.

use std::borrow::Cow;

use triglot_parse_json::{Kind, Reader};

use crate::error::{LogError, LogErrorKind};
use crate::ndjson::Lines;

/// What is to be done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Store it, if its id is new.
    Create,
    /// Store it.
    Index,
    /// Change one; its line holds the change.
    Update,
    /// Remove one; there is no document.
    Delete,
}

impl Op {
    /// The word of actions and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Index => "index",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One action with its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// The action.
    pub op: Op,
    /// `_index`
    pub index: Option<Cow<'a, str>>,
    /// `_id`
    pub id: Option<Cow<'a, str>>,
    /// The document's line, not looked at yet; empty for [`Op::Delete`].
    pub document: &'a str,
    /// The action's line, counted from 1.
    pub line: usize,
}

/// The actions of a body. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Bulk<'a> {
    lines: Lines<'a>,
}

impl<'a> Bulk<'a> {
    /// Reads `body`; blank lines count for nothing.
    pub fn new(body: &'a str) -> Self {
        Self { lines: Lines::new(body) }
    }

    fn item(&mut self, line: usize, text: &'a str) -> Result<Item<'a>, LogErrorKind> {
        let (op, index, id) = action(text)?;
        let document = match op {
            Op::Delete => "",
            _ => self.lines.next().ok_or(LogErrorKind::NoDocument)?.1,
        };
        Ok(Item { op, index, id, document, line })
    }
}

impl<'a> Iterator for Bulk<'a> {
    type Item = Result<Item<'a>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, text) = self.lines.next()?;
        let item = self.item(line, text);
        if item.is_err() {
            self.lines = Lines::new("");
        }
        Some(item.map_err(|kind| LogError { line, kind }))
    }
}

type Action<'a> = (Op, Option<Cow<'a, str>>, Option<Cow<'a, str>>);

/// `{"create": {"_index": …, "_id": …, …}}`: one member, other names inside are passed over.
fn action(text: &str) -> Result<Action<'_>, LogErrorKind> {
    let mut reader = Reader::new(text);
    let mut found: Option<Action<'_>> = None;
    reader.object(|reader, name| {
        let op = match &*name {
            "create" => Op::Create,
            "index" => Op::Index,
            "update" => Op::Update,
            "delete" => Op::Delete,
            _ => return Err(LogErrorKind::UnknownAction(name.into_owned())),
        };
        let (mut index, mut id) = (None, None);
        reader.object(|reader, name| match (&*name, reader.kind()?) {
            ("_index", Kind::Scalar) => {
                index = reader.scalar()?.into_str();
                Ok(())
            }
            // Ids may be numbers.
            ("_id", Kind::Scalar) => {
                id = Some(reader.scalar()?.into_text());
                Ok(())
            }
            _ => reader.skip().map_err(LogErrorKind::from),
        })?;
        match found.replace((op, index, id)) {
            None => Ok(()),
            Some(_) => Err(LogErrorKind::NoAction),
        }
    })?;
    reader.end()?;
    found.ok_or(LogErrorKind::NoAction)
}
