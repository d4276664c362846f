//! Log-ins through the public API, on a catalog on the simulated disk.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use triglot_auth::{Auth, AuthError, AuthOptions, HashCost, Peer, hash_password};
use triglot_catalog::{Bootstrap, Catalog, CatalogOp, NewUser, PasswordHash, UserChanges};
use triglot_disk::{DiskStore, DiskStoreOptions, SimDisk};
use triglot_model::limits::Limits;
use triglot_model::{ErrorKind, ManualClock};

const FAR: Peer = Peer::Remote(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
const FARTHER: Peer = Peer::Remote(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8)));

fn options() -> AuthOptions {
    AuthOptions { hash_cost: HashCost::CHEAP, ..AuthOptions::default() }
}

struct Fixture {
    catalog: Catalog,
    clock: Arc<ManualClock>,
    auth: Auth,
}

impl Fixture {
    /// With `root` (no password) and `u` (password `pw`).
    async fn new(options: AuthOptions) -> Self {
        let store = DiskStore::open(Arc::new(SimDisk::new(1)), DiskStoreOptions::default()).unwrap();
        let clock = Arc::new(ManualClock::new(1));
        let catalog =
            Catalog::open_with(Arc::new(store), clock.clone() as _, Limits::default(), Bootstrap::default());
        let catalog = catalog.await.unwrap();
        let auth = Auth::new(catalog.clone(), clock.clone() as _, options).unwrap();
        let f = Self { catalog, clock, auth };
        f.add_user("u", Some(hash_password("pw", HashCost::CHEAP).unwrap())).await;
        f
    }

    async fn add_user(&self, name: &str, password: Option<PasswordHash>) {
        let new = NewUser {
            name: name.to_owned(),
            password,
            is_admin: false,
            must_change_password: false,
            options: Default::default(),
        };
        self.catalog.apply(vec![CatalogOp::CreateUser(new)]).await.unwrap();
    }

    async fn set_password(&self, name: &str, password: &str) {
        let user = self.catalog.snapshot().user(name).unwrap().id;
        let changes = UserChanges {
            password: Some(Some(self.auth.hash(password).await.unwrap())),
            ..Default::default()
        };
        self.catalog.apply(vec![CatalogOp::AlterUser { user, changes }]).await.unwrap();
    }

    async fn is_in(&self, user: &str, password: &str, peer: Peer) -> bool {
        match self.auth.verify(user, password, peer).await {
            Ok(principal) => {
                assert_eq!(principal.name, user);
                assert_eq!(principal.user, self.catalog.snapshot().user(user).unwrap().id);
                true
            }
            Err(AuthError::WrongCredentials { .. }) => false,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn only_the_right_password_is_let_in() {
    let f = Fixture::new(options()).await;
    assert!(f.is_in("u", "pw", FAR).await);
    assert!(f.is_in("u", "pw", Peer::Loopback).await);
    for (user, password) in
        [("u", "PW"), ("u", ""), ("U", "pw"), ("nobody", "pw"), ("nobody", ""), ("root", "pw")]
    {
        assert!(!f.is_in(user, password, Peer::Loopback).await, "{user} {password}");
    }
}

#[tokio::test]
async fn unknown_user_and_wrong_password_read_the_same() {
    let f = Fixture::new(options()).await;
    let of_known = f.auth.verify("u", "wrong", FAR).await.unwrap_err();
    let of_unknown = f.auth.verify("x", "wrong", FAR).await.unwrap_err();
    assert_eq!(of_known.kind(), ErrorKind::AuthFailed);
    assert_eq!(of_known.to_string().replace("'u'", "'x'"), of_unknown.to_string());
    let shown = format!("{of_known:?} {of_known} {:?}", f.auth);
    assert!(!shown.contains("wrong") && !shown.contains("argon2"), "{shown}");
}

#[tokio::test]
async fn the_empty_password_of_root_counts_from_loopback_only() {
    let f = Fixture::new(options()).await;
    assert!(f.is_in("root", "", Peer::Loopback).await);
    assert!(!f.is_in("root", "", FAR).await, "also right after a success from loopback");
    f.add_user("blank", None).await;
    assert!(!f.is_in("blank", "", Peer::Loopback).await, "without a password there is no log-in by one");
    f.set_password("blank", "").await;
    assert!(f.is_in("blank", "", Peer::Loopback).await);
    assert!(!f.is_in("blank", "", FAR).await);
    f.set_password("root", "s3cret").await;
    assert!(!f.is_in("root", "", Peer::Loopback).await);
    assert!(f.is_in("root", "s3cret", FAR).await);

    let open = Fixture::new(AuthOptions { allow_default_credentials: true, ..options() }).await;
    assert!(open.is_in("root", "", FAR).await);
}

#[tokio::test]
async fn a_change_of_the_user_counts_at_once() {
    let f = Fixture::new(options()).await;
    assert!(f.is_in("u", "pw", FAR).await);
    f.set_password("u", "new").await;
    assert!(!f.is_in("u", "pw", FAR).await);
    assert!(f.is_in("u", "new", FAR).await);
    let user = f.catalog.snapshot().user("u").unwrap().id;
    f.catalog.apply(vec![CatalogOp::DropUser { user }]).await.unwrap();
    assert!(!f.is_in("u", "new", FAR).await);
}

#[tokio::test]
async fn success_is_remembered_for_the_ttl_past_the_limit_of_failures() {
    let f = Fixture::new(AuthOptions { failures_per_minute: 2, ..options() }).await;
    assert!(f.is_in("u", "pw", FAR).await);
    for _ in 0..2 {
        assert!(!f.is_in("u", "guess", FAR).await);
    }
    let refused = f.auth.verify("u", "guess", FAR).await.unwrap_err();
    assert!(matches!(refused, AuthError::TooManyFailures { retry_after_s: 30, .. }), "{refused:?}");
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(f.is_in("u", "pw", FAR).await, "who is in stays in");
    assert!(f.is_in("u", "pw", FARTHER).await && f.is_in("u", "pw", Peer::Loopback).await);
    let unknown = f.auth.verify("v", "guess", FAR).await.unwrap_err();
    assert!(matches!(unknown, AuthError::WrongCredentials { .. }), "each name has its own count");

    f.clock.advance(Duration::from_secs(30).as_nanos() as i64);
    assert!(!f.is_in("u", "guess", FAR).await, "one more guess after half a minute");
    f.clock.advance(Duration::from_secs(271).as_nanos() as i64);
    for _ in 0..2 {
        assert!(!f.is_in("u", "guess", FAR).await);
    }
    let refused = f.auth.verify("u", "pw", FAR).await.unwrap_err();
    assert!(matches!(refused, AuthError::TooManyFailures { .. }), "the memory of the success has ended");
}

#[tokio::test]
async fn parallel_log_ins_are_bounded() {
    let bounded = AuthOptions { max_parallel_verifications: 1, max_waiting_verifications: 1, ..options() };
    let f = Fixture::new(bounded).await;
    // A hash at the full cost takes tens of milliseconds: none ends before all three have asked.
    f.add_user("slow", Some(hash_password("pw", HashCost::default()).unwrap())).await;
    // On one thread: all three are polled once before any verification can end.
    let (a, b, c) = tokio::join!(
        f.auth.verify("slow", "pw", FAR),
        f.auth.verify("slow", "pw", FAR),
        f.auth.verify("slow", "pw", FAR),
    );
    assert!(a.is_ok() && b.is_ok());
    assert!(matches!(c, Err(AuthError::Busy)), "{c:?}");
    assert!(f.is_in("slow", "pw", FAR).await, "places are given back");
}

#[tokio::test]
async fn without_a_password_only_existing_users_on_loopback() {
    let f = Fixture::new(options()).await;
    assert!(f.auth.verify_without_password("root", Peer::Loopback).unwrap().is_admin);
    assert!(!f.auth.verify_without_password("u", Peer::Loopback).unwrap().is_admin);
    let unknown = f.auth.verify_without_password("x", Peer::Loopback).unwrap_err();
    assert_eq!(unknown.to_string(), "the user x not found");
    assert!(matches!(f.auth.verify_without_password("root", FAR), Err(AuthError::NotLoopback)));
}

#[test]
fn loopback_is_told_from_addresses() {
    let of = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
    for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(of(text), Peer::Loopback, "{text}");
    }
    assert_eq!(of("::ffff:192.0.2.7"), FAR);
    assert_ne!(of("0.0.0.0"), Peer::Loopback);
}
