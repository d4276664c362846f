//! Integration tests: the sheets' rules, properties against an independent reader, the corpus.

mod corpus;
mod oracle;
mod props;
mod reference;
