//! Look-ups of rights and groups.

use std::collections::BTreeSet;

use triglot_model::UserId;

use crate::entity::UserDef;
use crate::rights::{GrantObject, Grantee, Rights};
use crate::snapshot::CatalogSnapshot;

/// Lower than every grantee in the order of keys.
const FIRST: Grantee = Grantee::User(UserId(0));

impl CatalogSnapshot {
    /// What was given to exactly this grantee on exactly this object.
    pub fn rights(&self, grantee: Grantee, object: GrantObject) -> Rights {
        self.rights.get(&(object, grantee)).copied().unwrap_or_default()
    }

    /// All that was given on an object, by grantee.
    pub fn rights_on(&self, object: GrantObject) -> impl Iterator<Item = (Grantee, Rights)> {
        self.rights
            .iter_from(move |key| key.cmp(&(object, FIRST)))
            .take_while(move |((o, _), _)| *o == object)
            .map(|((_, grantee), rights)| (*grantee, *rights))
    }

    /// All that was given to exactly this grantee, by object.
    pub fn rights_of(&self, grantee: Grantee) -> impl Iterator<Item = (GrantObject, Rights)> {
        let given = self.rights.iter().filter(move |((_, g), _)| *g == grantee);
        given.map(|((object, _), rights)| (*object, *rights))
    }

    /// What a user may do to an object by all that was given to him, to the groups that he is in, and to
    /// everyone. Administrators are not treated apart.
    pub fn effective_rights(&self, user: UserId, object: GrantObject) -> Rights {
        if self.rights.len() == 0 {
            return Rights::NONE;
        }
        let groups: BTreeSet<UserId> = self.groups_of(user).collect();
        let counts = |grantee: &Grantee| match grantee {
            Grantee::User(id) => groups.contains(id),
            Grantee::Everyone => true,
        };
        let given = self.rights_on(object).filter(|(grantee, _)| counts(grantee));
        given.fold(Rights::NONE, |all, (_, rights)| all.with(rights))
    }

    /// The user, and the groups that he is in, directly or through others.
    pub fn groups_of(&self, user: UserId) -> impl Iterator<Item = UserId> + use<> {
        let mut found = BTreeSet::from([user]);
        if self.group_members.len() > 0 {
            let mut fresh = vec![user];
            while let Some(next) = fresh.pop() {
                let groups = self.group_members.iter().filter(|((_, m), _)| *m == next).map(|((g, _), _)| *g);
                fresh.extend(groups.filter(|g| found.insert(*g)));
            }
        }
        found.into_iter()
    }

    /// Members of a group, and whether they may let others in.
    pub fn group_members(&self, group: UserId) -> impl Iterator<Item = (UserId, bool)> {
        self.group_members
            .iter_from(move |key| key.cmp(&(group, UserId(0))))
            .take_while(move |((g, _), _)| *g == group)
            .map(|((_, member), may_grant)| (*member, *may_grant))
    }

    /// Whether a direct member of a group may let others in, none = not a member.
    pub fn group_membership(&self, group: UserId, member: UserId) -> Option<bool> {
        self.group_members.get(&(group, member)).copied()
    }

    /// Whether a user may do everything, by himself or by a group.
    pub fn is_admin(&self, user: &UserDef) -> bool {
        user.is_admin
            || self.groups_of(user.id).any(|id| self.user_by_id(id).is_some_and(|group| group.is_admin))
    }
}
