//! A database for tests: a table with keys and a check, a table that refers to it, a view, an index.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::Result;
use peristyle_catalog::TableContents;
use peristyle_catalog::model::{
    Column, ColumnDefault, ColumnId, ColumnRule, Constraint, ConstraintKind, Database, EnumType, Index, Oid, Openness,
    PartitionKey, PgType, Relation, RelationKind, Role, Schema, Seq, StoredQuery, Table, View, ViewDependency,
};

use super::functions::{CatalogContext, SessionControl};
use crate::relation::{Objects, ServerView, SessionView, Setting};
use crate::session::{LockMode, LockNumber, LockSpan};

/// A snapshot that is written down.
pub(crate) struct Fixture {
    roles: Vec<Role>,
    databases: Vec<Database>,
    schemas: Vec<Schema>,
    relations: Vec<Relation>,
}

pub(crate) const DATABASE: Oid = Oid(16384);
pub(crate) const PUBLIC: Oid = Oid(2200);
const OTHER_SCHEMA: Oid = Oid(16385);
pub(crate) const TABLE: Oid = Oid(16400);
pub(crate) const PRIMARY_KEY: Oid = Oid(16405);
pub(crate) const CHILD: Oid = Oid(16410);
pub(crate) const VIEW: Oid = Oid(16420);
pub(crate) const INDEX: Oid = Oid(16430);
const OWNER: Oid = Oid(10);

impl Objects for Fixture {
    fn roles(&self) -> Vec<&Role> {
        self.roles.iter().collect()
    }

    fn databases(&self) -> Vec<&Database> {
        self.databases.iter().collect()
    }

    fn schemas(&self, database: Oid) -> Vec<&Schema> {
        self.schemas.iter().filter(|schema| schema.database == database).collect()
    }

    fn relations(&self, _: Oid) -> Vec<&Relation> {
        self.relations.iter().collect()
    }

    fn enum_types(&self, _: Oid) -> Vec<(&Relation, &EnumType)> {
        self.relations.iter().filter_map(|relation| Some((relation, relation.as_enum()?))).collect()
    }

    fn enum_definition(&self, ty: PgType) -> Option<&Relation> {
        let oid = ty.enum_definition()?;
        self.relations.iter().find(|relation| relation.oid == oid)
    }

    fn enum_by_name(&self, schema: Oid, name: &str) -> Option<&Relation> {
        let mut types = self.relations.iter().filter(|relation| relation.as_enum().is_some());
        types.find(|relation| relation.schema == schema && relation.name == name)
    }

    fn schema(&self, oid: Oid) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.oid == oid)
    }

    fn schema_by_name(&self, _: Oid, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.name == name)
    }

    fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.oid == oid)
    }

    fn relation_by_name(&self, schema: Oid, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.schema == schema && relation.name == name)
    }

    fn contents(&self, _: Oid) -> Option<&Arc<TableContents>> {
        None
    }

    fn table_rows(&self, table: Oid) -> u64 {
        if table == TABLE { 3 } else { 0 }
    }

    fn table_bytes(&self, table: Oid) -> u64 {
        if table == TABLE { 20_000 } else { 0 }
    }
}

/// Settings that stay as they are.
pub(crate) struct FixedSettings;

#[async_trait]
impl SessionControl for FixedSettings {
    fn setting(&self, name: &str) -> Option<String> {
        (name == "server_version").then(|| "15.0".to_owned())
    }

    fn set(&self, _: &str, value: Option<&str>, _: bool) -> Result<String> {
        Ok(value.unwrap_or_default().to_owned())
    }

    fn notify(&self, _channel: &str, _payload: &str) -> Result<()> {
        Ok(())
    }

    fn next_value(&self, _sequence: Oid, _expected: usize) -> Result<i64> {
        Ok(1)
    }

    fn current_value(&self, _sequence: Oid) -> Result<i64> {
        Ok(1)
    }

    fn last_value(&self) -> Result<i64> {
        Ok(1)
    }

    fn set_value(&self, _sequence: Oid, _value: i64, _is_called: bool) -> Result<()> {
        Ok(())
    }

    fn cancel(&self, process_id: i32) -> bool {
        process_id == 7
    }

    fn terminate(&self, _: i32) -> bool {
        false
    }

    fn blocking(&self, _: i32) -> Vec<i32> {
        Vec::new()
    }

    async fn lock(&self, _: LockNumber, _: LockMode, _: LockSpan) -> Result<()> {
        Ok(())
    }

    fn try_lock(&self, _: LockNumber, _: LockMode, _: LockSpan) -> bool {
        true
    }

    fn unlock(&self, _: LockNumber, _: LockMode) -> bool {
        true
    }

    fn unlock_all(&self) {}
}

/// The context of a session of that database.
pub(crate) fn context() -> Arc<CatalogContext> {
    let fixture = fixture();
    Arc::new(CatalogContext {
        database: Arc::new(fixture.databases[0].clone()),
        head: Arc::new(fixture),
        session: Arc::new(session()),
        server: Arc::new(ServerView { functions: functions(), ..ServerView::default() }),
        control: Arc::new(FixedSettings),
    })
}

fn functions() -> HashSet<String> {
    super::functions::function_names().chain(["count", "array_in", "lower"]).map(str::to_owned).collect()
}

fn session() -> SessionView {
    SessionView {
        user: "peristyle".to_owned(),
        process_id: 7,
        search_path: vec!["public".to_owned()],
        settings: vec![Setting {
            name: "server_version".to_owned(),
            value: "15.0".to_owned(),
            unit: None,
            category: "Preset Options".to_owned(),
            description: "Shows the server version.".to_owned(),
            context: "internal",
            kind: "string",
            source: "default",
            min: None,
            max: None,
            enum_values: Vec::new(),
            boot: "15.0".to_owned(),
            reset: "15.0".to_owned(),
        }],
        ..SessionView::default()
    }
}

fn fixture() -> Fixture {
    let schema = |oid, name: &str| Schema {
        oid,
        database: DATABASE,
        name: name.to_owned(),
        owner: OWNER,
        comment: None,
        acl: None,
    };
    Fixture {
        roles: vec![Role { oid: OWNER, name: "peristyle".to_owned(), superuser: true, login: true }],
        databases: vec![Database {
            oid: DATABASE,
            name: "peristyle".to_owned(),
            owner: OWNER,
            comment: Some("the database".to_owned()),
        }],
        schemas: vec![schema(PUBLIC, "public"), schema(OTHER_SCHEMA, "other")],
        relations: vec![table(), primary_key(), child(), view(), index()],
    }
}

fn relation(oid: Oid, schema: Oid, name: &str, kind: RelationKind) -> Relation {
    Relation { oid, schema, name: name.to_owned(), owner: OWNER, comment: None, acl: None, version: Seq(1), kind }
}

fn column(number: i16, name: &str, ty: PgType) -> Column {
    Column {
        id: ColumnId(number as u32),
        attnum: number,
        name: name.to_owned(),
        ty,
        not_null: false,
        default: None,
        missing: None,
        comment: None,
        rule: ColumnRule::Plain,
    }
}

fn definition(oid: Oid, columns: Vec<Column>, constraints: Vec<Constraint>) -> Table {
    Table {
        row_type: Oid(oid.0 + 1),
        array_type: Oid(oid.0 + 2),
        openness: Openness::Declared,
        partition_key: PartitionKey::None,
        order_key: Vec::new(),
        next_column: ColumnId(columns.len() as u32 + 1),
        next_attnum: columns.len() as i16 + 1,
        columns,
        constraints,
        options: Vec::new(),
        materialized: None,
    }
}

/// `t (a integer PRIMARY KEY, b text NOT NULL DEFAULT 'x', c numeric(10,2) CHECK (c > 0), ts timestamptz, tags text[])`
fn table() -> Relation {
    let key = Column { not_null: true, ..column(1, "a", PgType::INT4) };
    let default = ColumnDefault { oid: Oid(16403), expression: "'x'::text".to_owned() };
    let text = Column {
        not_null: true,
        default: Some(default),
        comment: Some("the text".to_owned()),
        ..column(2, "b", PgType::TEXT)
    };
    let rest = [
        column(3, "c", PgType::numeric(10, 2)),
        column(4, "ts", PgType::TIMESTAMPTZ),
        column(5, "tags", PgType::plain(1009)),
    ];
    let constraints = vec![
        Constraint {
            oid: Oid(16404),
            name: "t_pkey".to_owned(),
            kind: ConstraintKind::PrimaryKey { columns: vec![ColumnId(1)], index: PRIMARY_KEY },
        },
        Constraint {
            oid: Oid(16406),
            name: "t_c_check".to_owned(),
            kind: ConstraintKind::Check { expression: "c > 0".to_owned() },
        },
    ];
    let columns = [key, text].into_iter().chain(rest).collect();
    let table = definition(TABLE, columns, constraints);
    let options = vec![("order_by".to_owned(), "ts".to_owned())];
    let kind = RelationKind::Table(Table { options, ..table });
    Relation { comment: Some("a table".to_owned()), ..relation(TABLE, PUBLIC, "t", kind) }
}

fn primary_key() -> Relation {
    let index = Index {
        table: TABLE,
        columns: vec![ColumnId(1)],
        unique: true,
        primary: true,
        definition: "CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a)".to_owned(),
    };
    relation(PRIMARY_KEY, PUBLIC, "t_pkey", RelationKind::Index(index))
}

/// `other."Child" (t_a integer REFERENCES t (a))`
fn child() -> Relation {
    let reference = Constraint {
        oid: Oid(16413),
        name: "Child_t_a_fkey".to_owned(),
        kind: ConstraintKind::ForeignKey { columns: vec![ColumnId(1)], table: TABLE, referenced: vec![ColumnId(1)] },
    };
    let table = definition(CHILD, vec![column(1, "t_a", PgType::INT4)], vec![reference]);
    relation(CHILD, OTHER_SCHEMA, "Child", RelationKind::Table(table))
}

fn view() -> Relation {
    let depends_on = vec![ViewDependency {
        written: vec!["t".to_owned()],
        relation: TABLE,
        columns: vec![("a".to_owned(), ColumnId(1)), ("b".to_owned(), ColumnId(2))],
    }];
    let view = View {
        row_type: Oid(VIEW.0 + 1),
        array_type: Oid(VIEW.0 + 2),
        query: StoredQuery {
            text: "SELECT a, b FROM t;".to_owned(),
            search_path: vec!["public".to_owned()],
            depends_on,
        },
        columns: vec![column(1, "a", PgType::INT4), column(2, "b", PgType::TEXT)],
    };
    relation(VIEW, PUBLIC, "v", RelationKind::View(view))
}

fn index() -> Relation {
    let index = Index {
        table: TABLE,
        columns: vec![ColumnId(2), ColumnId(1)],
        unique: false,
        primary: false,
        definition: "CREATE INDEX t_b_a ON t (b, a)".to_owned(),
    };
    relation(INDEX, PUBLIC, "t_b_a", RelationKind::Index(index))
}
