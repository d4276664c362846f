mod decide;
pub(crate) mod fixture;
mod last_row;
mod plan_cache;
mod plans;
mod pushdown;
mod running;
mod timing;
