//! Golden bytes, written by hand from the format's description. If one of these fails, a stored
//! catalog can no longer be read: change the code, not the text.

use std::collections::BTreeMap;

use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseDef, DatabaseId, ExternalTableDef, FileColumn,
    FileCompression, FileFormat, FileOptions, FileTimeUnit, FileType, GeomEncoding, IdentityRule, LengthUnit,
    Precision, RewriteRule, RoleId, TableDef, TableId, TenantId, UserId,
};

use super::*;
use crate::entity::{MemberRole, PasswordHash, Privilege, RoleDef, SystemRole, TenantDef, UserDef};
use crate::rights::{GrantObject, Grantee, Right, Rights};

fn options() -> BTreeMap<String, String> {
    [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "é\"".to_owned())].into()
}

fn column(id: u32, name: &str, ty: ColumnType, kind: ColumnKind) -> ColumnDef {
    ColumnDef { id: ColumnId(id), name: name.to_owned(), ty, kind, declared: None, codec: None }
}

fn table() -> TableDef {
    TableDef {
        id: TableId(7),
        database: DatabaseId(3),
        name: "t".to_owned(),
        version: 4,
        identity: IdentityRule::PrimaryTags(vec![ColumnId(2)]),
        rewrite: RewriteRule::Discard,
        columns: vec![
            column(0, "ts", ColumnType::Ts(Precision::Milli), ColumnKind::Time),
            column(1, "k", ColumnType::I32, ColumnKind::CompositeKey),
            ColumnDef {
                declared: Some("VARCHAR(8)".to_owned()),
                codec: Some("ZSTD".to_owned()),
                ..column(2, "p", ColumnType::Str { max: Some(8), unit: LengthUnit::Bytes }, ColumnKind::Tag)
            },
            column(5, "f", ColumnType::F64, ColumnKind::Field),
        ],
        next_column_id: ColumnId(9),
        options: BTreeMap::new(),
    }
}

fn external_table() -> ExternalTableDef {
    let column = |name: &str, ty, nullable| FileColumn { name: name.to_owned(), ty, nullable };
    let item = column("item", FileType::Decimal { precision: 9, scale: 2 }, true);
    let member = column("x", FileType::Time(FileTimeUnit::Milli), true);
    let zone = Some("UTC".to_owned());
    ExternalTableDef {
        database: DatabaseId(3),
        name: "e".to_owned(),
        location: "file:///x/".to_owned(),
        options: FileOptions {
            format: FileFormat::Csv,
            header: true,
            delimiter: b';',
            compression: FileCompression::Gzip,
        },
        columns: vec![
            column("a", FileType::I64, false),
            column("b", FileType::Timestamp { unit: FileTimeUnit::Micro, zone }, true),
            column("c", FileType::List(Box::new(item)), true),
            column("d", FileType::Struct(vec![member]), true),
        ],
        partitions: vec![column("p", FileType::Text, false)],
        inferred: true,
    }
}

/// Every fact with its text in the log.
fn golden() -> Vec<(Event, &'static str)> {
    vec![
        (
            Event::TenantPut(TenantDef {
                id: TenantId(1),
                name: "x".to_owned(),
                options: options(),
                drop_at_ns: Some(-5),
            }),
            r#"{"tenant_put":{"id":1,"name":"x","options":{"a":"é\"","b":"2"},"drop_at_ns":-5}}"#,
        ),
        (Event::TenantRemoved(TenantId(1)), r#"{"tenant_removed":{"id":1}}"#),
        (
            Event::DatabasePut(DatabaseDef {
                id: DatabaseId(3),
                tenant: TenantId(1),
                name: "d".to_owned(),
                precision: Precision::Micro,
                retention_ns: Some(10),
                partition_ns: None,
                rewrite: RewriteRule::Replace,
                options: BTreeMap::new(),
                drop_at_ns: None,
            }),
            concat!(
                r#"{"database_put":{"id":3,"tenant":1,"name":"d","precision":"us","retention_ns":10,"#,
                r#""partition_ns":null,"rewrite":"replace","options":{},"drop_at_ns":null}}"#
            ),
        ),
        (Event::DatabaseRemoved(DatabaseId(3)), r#"{"database_removed":{"id":3}}"#),
        (
            Event::TablePut(table()),
            concat!(
                r#"{"table_put":{"id":7,"database":3,"name":"t","version":4,"identity":{"primary_tags":[2]},"#,
                r#""rewrite":"discard","columns":[{"id":0,"name":"ts","type":{"ts":"ms"},"kind":"time"},"#,
                r#"{"id":1,"name":"k","type":"i32","kind":"composite_key"},"#,
                r#"{"id":2,"name":"p","type":{"str":{"max":8,"unit":"bytes"}},"kind":"tag","#,
                r#""declared":"VARCHAR(8)","codec":"ZSTD"},"#,
                r#"{"id":5,"name":"f","type":"f64","kind":"field"}],"next_column_id":9,"options":{}}}"#
            ),
        ),
        (
            Event::ColumnsAdded {
                table: TableId(7),
                version: 5,
                columns: vec![column(9, "g", ColumnType::Bool, ColumnKind::Field)],
            },
            concat!(
                r#"{"columns_added":{"table":7,"version":5,"#,
                r#""columns":[{"id":9,"name":"g","type":"bool","kind":"field"}]}}"#
            ),
        ),
        (Event::TableRemoved(TableId(7)), r#"{"table_removed":{"id":7}}"#),
        (
            Event::UserPut(UserDef {
                id: UserId(2),
                name: "u".to_owned(),
                version: 3,
                password: Some(PasswordHash::new("$argon2id$x")),
                is_admin: true,
                must_change_password: false,
                options: BTreeMap::new(),
                created_ns: 99,
            }),
            concat!(
                r#"{"user_put":{"id":2,"name":"u","version":3,"password":"$argon2id$x","is_admin":true,"#,
                r#""must_change_password":false,"options":{},"created_ns":99}}"#
            ),
        ),
        (Event::UserRemoved(UserId(2)), r#"{"user_removed":{"id":2}}"#),
        (
            Event::RolePut(RoleDef {
                id: RoleId(8),
                tenant: TenantId(1),
                name: "r".to_owned(),
                inherit: Some(SystemRole::Member),
                grants: [(DatabaseId(3), Privilege::Full), (DatabaseId(1), Privilege::Read)].into(),
            }),
            concat!(
                r#"{"role_put":{"id":8,"tenant":1,"name":"r","inherit":"member","grants":["#,
                r#"{"database":1,"privilege":"read"},{"database":3,"privilege":"full"}]}}"#
            ),
        ),
        (Event::RoleRemoved(RoleId(8)), r#"{"role_removed":{"id":8}}"#),
        (
            Event::MemberPut { tenant: TenantId(1), user: UserId(2), role: MemberRole::Custom(RoleId(8)) },
            r#"{"member_put":{"tenant":1,"user":2,"role":{"custom":8}}}"#,
        ),
        (
            Event::MemberPut {
                tenant: TenantId(1),
                user: UserId(2),
                role: MemberRole::System(SystemRole::Owner),
            },
            r#"{"member_put":{"tenant":1,"user":2,"role":{"system":"owner"}}}"#,
        ),
        (
            Event::MemberRemoved { tenant: TenantId(1), user: UserId(2) },
            r#"{"member_removed":{"tenant":1,"user":2}}"#,
        ),
        (
            Event::SettingPut { key: "ts.dedup.rule".to_owned(), value: "override".to_owned() },
            r#"{"setting_put":{"key":"ts.dedup.rule","value":"override"}}"#,
        ),
        (Event::SettingRemoved { key: "k".to_owned() }, r#"{"setting_removed":{"key":"k"}}"#),
        (
            Event::RightsPut {
                grantee: Grantee::User(UserId(2)),
                object: GrantObject::Table(TableId(7)),
                rights: [Right::Select, Right::Insert].into_iter().collect(),
            },
            r#"{"rights_put":{"grantee":{"user":2},"object":{"table":7},"rights":["select","insert"]}}"#,
        ),
        (
            Event::RightsPut {
                grantee: Grantee::Everyone,
                object: GrantObject::Database(DatabaseId(3)),
                rights: Rights::ALL,
            },
            concat!(
                r#"{"rights_put":{"grantee":"everyone","object":{"database":3},"rights":["#,
                r#""create","drop","grant","select","insert","update","delete"]}}"#
            ),
        ),
        (
            Event::GroupMemberPut { group: UserId(2), member: UserId(4), may_grant: true },
            r#"{"group_member_put":{"group":2,"member":4,"may_grant":true}}"#,
        ),
        (
            Event::GroupMemberRemoved { group: UserId(2), member: UserId(4) },
            r#"{"group_member_removed":{"group":2,"member":4}}"#,
        ),
        (
            Event::ExternalTablePut(external_table()),
            concat!(
                r#"{"external_table_put":{"database":3,"name":"e","location":"file:///x/","format":"csv","#,
                r#""header":true,"delimiter":59,"compression":"gzip","columns":["#,
                r#"{"name":"a","type":"i64","nullable":false},"#,
                r#"{"name":"b","type":{"timestamp":{"unit":"us","zone":"UTC"}},"nullable":true},"#,
                r#"{"name":"c","type":{"list":{"name":"item","type":{"decimal":{"precision":9,"scale":2}},"#,
                r#""nullable":true}},"nullable":true},"#,
                r#"{"name":"d","type":{"struct":[{"name":"x","type":{"time":"ms"},"nullable":true}]},"#,
                r#""nullable":true}],"#,
                r#""partitions":[{"name":"p","type":"text","nullable":false}],"inferred":true}}"#
            ),
        ),
        (
            Event::ExternalTableRemoved { database: DatabaseId(3), name: "e".to_owned() },
            r#"{"external_table_removed":{"database":3,"name":"e"}}"#,
        ),
    ]
}

#[test]
fn m4_records_have_their_golden_bytes() {
    for (event, text) in golden() {
        let bytes = format!(r#"{{"events":[{text}]}}"#);
        assert_eq!(encode_events(vec![event.clone()]).unwrap(), bytes.as_bytes());
        assert_eq!(decode_events(EVENTS_V1, bytes.as_bytes()).unwrap(), [event]);
    }
}

#[test]
fn m4_a_checkpoint_has_its_golden_bytes() {
    let next = NextIds { tenant: 1, database: 2, table: 3, user: 4, role: 5 };
    let event = Event::TableRemoved(TableId(7));
    let bytes = concat!(
        r#"{"format":1,"next":{"tenant":1,"database":2,"table":3,"user":4,"role":5},"#,
        r#""events":[{"table_removed":{"id":7}}]}"#
    );
    assert_eq!(encode_checkpoint(next, vec![event.clone()]).unwrap(), bytes.as_bytes());
    assert_eq!(decode_checkpoint(bytes.as_bytes()).unwrap(), (next, vec![event]));
}

#[test]
fn m4_every_type_has_its_golden_text() {
    let text_of = |ty: ColumnType| serde_json::to_string(&v1::Type::from(ty)).unwrap();
    let plain = [
        (ColumnType::Bool, "\"bool\""),
        (ColumnType::I8, "\"i8\""),
        (ColumnType::I16, "\"i16\""),
        (ColumnType::I32, "\"i32\""),
        (ColumnType::I64, "\"i64\""),
        (ColumnType::U8, "\"u8\""),
        (ColumnType::U16, "\"u16\""),
        (ColumnType::U32, "\"u32\""),
        (ColumnType::U64, "\"u64\""),
        (ColumnType::F32, "\"f32\""),
        (ColumnType::F64, "\"f64\""),
        (ColumnType::Decimal { precision: 10, scale: 2 }, r#"{"decimal":{"precision":10,"scale":2}}"#),
        (ColumnType::Ts(Precision::Nano), r#"{"ts":"ns"}"#),
        (ColumnType::TEXT, r#"{"str":{"max":null,"unit":"bytes"}}"#),
        (ColumnType::Str { max: Some(3), unit: LengthUnit::Chars }, r#"{"str":{"max":3,"unit":"chars"}}"#),
        (ColumnType::Bytes { max: Some(4) }, r#"{"bytes":{"max":4}}"#),
        (ColumnType::Json, "\"json\""),
        (ColumnType::Geom(GeomEncoding::Wkt), "\"geom_wkt\""),
        (ColumnType::Geom(GeomEncoding::Wkb), "\"geom_wkb\""),
    ];
    for (ty, text) in plain {
        assert_eq!(text_of(ty), text);
        assert_eq!(ColumnType::from(serde_json::from_str::<v1::Type>(text).unwrap()), ty);
    }
}

#[test]
fn m5_what_is_unknown_is_refused() {
    assert!(decode_events(2, br#"{"events":[]}"#).unwrap_err().contains("kind 2"));
    for text in [
        r#"{"events":[{"view_put":{"id":1}}]}"#,
        r#"{"events":[{"table_removed":{"id":7,"force":true}}]}"#,
        r#"{"events":[],"more":1}"#,
        r#"{"events":["#,
        "",
    ] {
        assert!(decode_events(EVENTS_V1, text.as_bytes()).is_err(), "{text}");
    }
    let future = br#"{"format":2,"next":{"tenant":0,"database":0,"table":0,"user":0,"role":0},"events":[]}"#;
    assert!(decode_checkpoint(future).unwrap_err().contains("format 2"));
}
