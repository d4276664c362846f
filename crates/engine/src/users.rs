//! Users of the node and their passwords.

use std::sync::Arc;

use triglot_auth::{Action, Object, allow};
use triglot_catalog::{
    CatalogError, CatalogOp, CatalogSnapshot, NewUser, PasswordHash, UserChanges, UserDef,
};

use crate::execute::present;
use crate::{ClearPassword, Engine, EngineError, Outcome, Session, UserStatement};

impl Engine {
    /// Refuses a user whose password somebody else has set, until the user has changed it. Who was
    /// let in without comparing passwords is not asked, nor is `root` before he has one.
    ///
    /// Statements, queries and writes check it by themselves. Dialects call it before they answer
    /// from the catalog (SHOW, DESCRIBE).
    ///
    /// # Errors
    /// [`EngineError::PasswordChangePending`].
    pub fn check_password_is_own(&self, session: &Session) -> Result<(), EngineError> {
        let catalog = self.catalog();
        match catalog.user_by_id(session.principal.user) {
            Some(user) if must_change(session, user) => {
                Err(EngineError::PasswordChangePending { user: user.name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// See [`UserStatement`].
    pub(crate) async fn execute_user(
        &self,
        session: &Session,
        statement: UserStatement,
    ) -> Result<Outcome, EngineError> {
        match statement {
            UserStatement::Create { new, password, if_not_exists } => {
                self.create_user(session, new, password, if_not_exists).await
            }
            UserStatement::CreateMember { new, password, if_not_exists } => {
                self.create_member(session, new, password, if_not_exists).await
            }
            UserStatement::DropMember { name, if_exists } => {
                self.drop_member(session, &name, if_exists).await
            }
            UserStatement::Alter { name, changes, password } => {
                self.alter_user(session, &name, changes, password).await
            }
            UserStatement::Drop { name, if_exists } => self.drop_user(session, &name, if_exists).await,
        }
    }

    async fn create_user(
        &self,
        session: &Session,
        new: NewUser,
        password: Option<ClearPassword>,
        if_not_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        allow(&catalog, &session.principal, Action::ManageUsers, Object::Cluster)?;
        let password = self.hashed(password).await?;
        self.apply_unless_exists(CatalogOp::CreateUser(NewUser { password, ..new }), if_not_exists).await
    }

    async fn alter_user(
        &self,
        session: &Session,
        name: &str,
        changes: UserChanges,
        password: Option<ClearPassword>,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let user = user_named(&catalog, name)?;
        // Everybody may set his own password, and nothing else.
        let own_password = user.id == session.principal.user && changes == UserChanges::default();
        if !own_password {
            allow(&catalog, &session.principal, Action::ManageUsers, Object::User(user.id))?;
        }
        if changes.is_admin.is_some() {
            allow(&catalog, &session.principal, Action::Admin, Object::Cluster)?;
        }
        if let Some(ClearPassword(new)) = &password
            && own_password
            && must_change(session, user)
            && self.auth().is_present(user, new).await?
        {
            return Err(EngineError::PasswordUnchanged { user: user.name.clone() });
        }
        let password = self.hashed(password).await?.map(Some);
        let changes = UserChanges { password, ..changes };
        self.apply_one(CatalogOp::AlterUser { user: user.id, changes }).await
    }

    async fn drop_user(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        match droppable(&self.catalog(), session, name, if_exists)? {
            Some(user) => self.apply_one(CatalogOp::DropUser { user: user.id }).await,
            None => Ok(Outcome::Done),
        }
    }

    pub(crate) async fn hashed(
        &self,
        password: Option<ClearPassword>,
    ) -> Result<Option<PasswordHash>, EngineError> {
        match password {
            Some(ClearPassword(password)) => Ok(Some(self.auth().hash(&password).await?)),
            None => Ok(None),
        }
    }
}

fn must_change(session: &Session, user: &UserDef) -> bool {
    user.must_change_password && user.password.is_some() && session.principal.by_password
}

/// The user of this name, whom the session may drop; none if there is none and `if_exists` tolerates that.
pub(crate) fn droppable<'c>(
    catalog: &'c CatalogSnapshot,
    session: &Session,
    name: &str,
    if_exists: bool,
) -> Result<Option<&'c Arc<UserDef>>, EngineError> {
    allow(catalog, &session.principal, Action::ManageUsers, Object::Cluster)?;
    let found = present(user_named(catalog, name), if_exists)?;
    if let Some(user) = found {
        allow(catalog, &session.principal, Action::Drop, Object::User(user.id))?;
    }
    Ok(found)
}

pub(crate) fn user_named<'c>(
    catalog: &'c CatalogSnapshot,
    name: &str,
) -> Result<&'c Arc<UserDef>, EngineError> {
    catalog.user(name).ok_or_else(|| CatalogError::UserNotFound { user: name.to_owned() }.into())
}
