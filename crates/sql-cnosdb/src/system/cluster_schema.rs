//! `cluster_schema` of the system tenant: tenants and users of the node. Admins see all, others the
//! tenants that they own and themselves.

use std::sync::Arc;

use arrow::array::BooleanArray;
use triglot_engine::auth::{Action, Object};
use triglot_engine::catalog::{TenantDef, UserDef};
use triglot_engine::{Meter, ObjectLimit, Quota, RateLimit};

use super::json::{object, or_null, string};
use super::{Columns, View, texts};
use crate::parse::limiter::{meter_name, object_name};
use crate::parse::tenant::{COMMENT, DROP_AFTER};

/// The columns of a table; none if there is no such table.
pub(super) fn columns(view: &View<'_>, table: &str) -> Option<Columns> {
    match table {
        "tenants" => Some(tenants(view)),
        "users" => Some(users(view)),
        _ => None,
    }
}

fn tenants(view: &View<'_>) -> Columns {
    let visible = |t: &&Arc<TenantDef>| view.may(Action::Alter, Object::Tenant(t.id));
    let tenants: Vec<_> = view.catalog.tenants().filter(visible).collect();
    vec![
        ("tenant_name", texts(tenants.iter().map(|t| &t.name))),
        ("tenant_options", texts(tenants.iter().map(|t| tenant_options(t)))),
    ]
}

fn tenant_options(tenant: &TenantDef) -> String {
    let text = |key: &str| or_null(tenant.options.get(key).map(|text| string(text)));
    object(&[
        ("comment", text(COMMENT)),
        ("limiter_config", limiter_config(&Quota::of(tenant))),
        ("drop_after", text(DROP_AFTER)),
        ("tenant_is_hidden", tenant.drop_at_ns.is_some().to_string()),
    ])
}

fn limiter_config(quota: &Quota) -> String {
    if quota.is_unlimited() {
        return or_null(None);
    }
    let limit =
        |limit: ObjectLimit| (object_name(limit), or_null(quota.objects.get(&limit).map(u64::to_string)));
    let rate = |meter: Meter| (meter_name(meter), or_null(quota.rates.get(&meter).map(bucket)));
    let objects = (!quota.objects.is_empty()).then(|| object(&ObjectLimit::ALL.map(limit)));
    let rates = (!quota.rates.is_empty()).then(|| object(&Meter::ALL.map(rate)));
    object(&[("object_config", or_null(objects)), ("request_config", or_null(rates))])
}

fn bucket(limit: &RateLimit) -> String {
    let remote = object(&[
        ("max", limit.max.to_string()),
        ("initial", limit.initial.to_string()),
        ("refill", limit.refill.to_string()),
        ("interval", limit.interval_ms.to_string()),
    ]);
    let local = object(&[("max", limit.local_max.to_string()), ("initial", limit.local_initial.to_string())]);
    object(&[("remote_bucket", remote), ("local_bucket", local)])
}

fn users(view: &View<'_>) -> Columns {
    let is_admin = view.is_admin();
    let visible = |u: &&Arc<UserDef>| is_admin || u.id == view.session.principal.user;
    let users: Vec<_> = view.catalog.users().filter(visible).collect();
    let admins: Vec<bool> = users.iter().map(|u| u.is_admin).collect();
    vec![
        ("user_name", texts(users.iter().map(|u| &u.name))),
        ("is_admin", Arc::new(BooleanArray::from(admins))),
        ("user_options", texts(users.iter().map(|u| user_options(u)))),
    ]
}

/// Options that are unset are left out.
fn user_options(user: &UserDef) -> String {
    let mut members = Vec::new();
    // Root is born with a password of the vendor's.
    if user.password.is_some() || user.is_root() {
        members.push(("hash_password", string("*****")));
    }
    if user.must_change_password {
        members.push(("must_change_password", "true".to_owned()));
    }
    if let Some(comment) = user.options.get(COMMENT) {
        members.push(("comment", string(comment)));
    }
    if user.is_admin && !user.is_root() {
        members.push(("granted_admin", "true".to_owned()));
    }
    object(&members)
}
