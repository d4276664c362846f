mod decide;
mod fixture;
mod last_row;
mod plans;
mod pushdown;
mod running;
mod timing;
