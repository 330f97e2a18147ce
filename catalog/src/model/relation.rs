use super::{ColumnId, EnumType, Oid, PgType, Seq, Sequence, TypeKind};

/// A database: the root of names. Keys run database → schema → object.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    pub oid: Oid,
    pub name: String,
    pub owner: Oid,
    pub comment: Option<String>,
}

/// A role that can own objects and connect.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub oid: Oid,
    pub name: String,
    pub superuser: bool,
    pub login: bool,
}

/// A namespace within a database.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub oid: Oid,
    pub database: Oid,
    pub name: String,
    pub owner: Oid,
    pub comment: Option<String>,
    pub acl: Option<String>,
}

impl Schema {
    /// Name of a database's schema of dropped tables, which can be taken back for a while. No name of a client's holds a
    /// control character.
    pub const DROPPED: &str = "\u{1}dropped";
    /// In the names of what lies there: between the oid, which makes them unique, and the name that it had.
    pub const DROPPED_SEPARATOR: char = '\u{1}';

    /// How the names of schemas begin that hold some session's temporary objects.
    pub const TEMPORARY_PREFIX: &str = "pg_temp_";

    /// Whether what lies in it ends with its session.
    pub fn is_temporary(&self) -> bool {
        self.name.starts_with(Schema::TEMPORARY_PREFIX)
    }

    /// Whether what lies in it was dropped.
    pub fn is_of_dropped(&self) -> bool {
        self.name == Schema::DROPPED
    }
}

/// Anything that shares the names of a schema: tables, views, indexes, sequences, enum types.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    pub oid: Oid,
    pub schema: Oid,
    pub name: String,
    pub owner: Oid,
    pub comment: Option<String>,
    pub acl: Option<String>,
    /// The commit that last changed this definition. DDL requires that it still holds; appends do not.
    pub version: Seq,
    pub kind: RelationKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RelationKind {
    Table(Table),
    View(View),
    Index(Index),
    Sequence(Sequence),
    Enum(EnumType),
}

/// Whether a write with an unknown column adds it or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    /// Unknown columns on write are added.
    Open,
    /// Unknown columns on write are an error (42703).
    Declared,
}

/// The definition of a table or of a materialized view. What it holds is in the snapshot, not here.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Oid of the row type.
    pub row_type: Oid,
    /// Oid of the array type over the row type.
    pub array_type: Oid,
    pub openness: Openness,
    pub partition_key: PartitionKey,
    /// The sort order inside a partition; empty for none.
    pub order_key: Vec<OrderColumn>,
    /// Live columns in their order of appearance; dropped ones leave a gap in `attnum`.
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    /// The id that the next new column gets at the earliest.
    pub next_column: ColumnId,
    /// The `attnum` that the next new column gets.
    pub next_attnum: i16,
    /// Options as the user wrote them, for `pg_class.reloptions`.
    pub options: Vec<(String, String)>,
    /// Of a materialized view: where its rows come from.
    pub materialized: Option<Box<Materialized>>,
}

/// What makes a table a materialized view: a query gives all its rows, and nobody else writes to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Materialized {
    pub query: StoredQuery,
    /// Whether it holds what the query gave; else it cannot be read.
    pub is_populated: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub id: ColumnId,
    /// PostgreSQL's `attnum`, from 1; a dropped column's number is not reused.
    pub attnum: i16,
    pub name: String,
    pub ty: PgType,
    pub not_null: bool,
    pub default: Option<ColumnDefault>,
    /// What files that lack the column read as, if not NULL.
    pub missing: Option<MissingValue>,
    pub comment: Option<String>,
    pub rule: ColumnRule,
}

/// Who gives a column's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnRule {
    /// Its writers, and its default where they do not.
    #[default]
    Plain,
    /// `GENERATED … AS IDENTITY`: a sequence of its own where they do not; `is_always` if they may not.
    Identity { sequence: Oid, is_always: bool },
    /// `GENERATED ALWAYS AS (expression) STORED`: its default, which reads the row's other columns.
    Generated,
}

/// `DEFAULT expression`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefault {
    /// Oid of the `pg_attrdef` row.
    pub oid: Oid,
    /// The expression's SQL text, names resolved under the `search_path` at creation.
    pub expression: String,
}

/// The value of `ADD COLUMN … DEFAULT`, computed once and kept as the type's text form.
#[derive(Clone, Debug, PartialEq)]
pub struct MissingValue {
    pub text: String,
}

/// The rule that bounds where rows may lie.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionKey {
    /// By size alone.
    None,
    /// By the bucket of a date or timestamp column; time units are counted in UTC.
    Time { unit: TimeUnit, column: ColumnId },
    /// By the hash of a column's logical value modulo `buckets`.
    Bucket { buckets: u32, column: ColumnId },
    /// By both: a partition holds rows of one bucket within one coarse unit of time.
    TimeBucket { unit: TimeUnit, time: ColumnId, buckets: u32, column: ColumnId },
}

impl PartitionKey {
    /// The column and unit of the part by time.
    pub fn time(&self) -> Option<(TimeUnit, ColumnId)> {
        match self {
            PartitionKey::Time { unit, column } | PartitionKey::TimeBucket { unit, time: column, .. } => {
                Some((*unit, *column))
            }
            PartitionKey::None | PartitionKey::Bucket { .. } => None,
        }
    }

    /// The number of buckets and the column of the part by hash.
    pub fn bucket(&self) -> Option<(u32, ColumnId)> {
        match self {
            PartitionKey::Bucket { buckets, column } | PartitionKey::TimeBucket { buckets, column, .. } => {
                Some((*buckets, *column))
            }
            PartitionKey::None | PartitionKey::Time { .. } => None,
        }
    }

    /// The key of these parts.
    pub fn of_parts(time: Option<(TimeUnit, ColumnId)>, bucket: Option<(u32, ColumnId)>) -> PartitionKey {
        match (time, bucket) {
            (None, None) => PartitionKey::None,
            (Some((unit, column)), None) => PartitionKey::Time { unit, column },
            (None, Some((buckets, column))) => PartitionKey::Bucket { buckets, column },
            (Some((unit, time)), Some((buckets, column))) => PartitionKey::TimeBucket { unit, time, buckets, column },
        }
    }

    /// The columns that it rests on.
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> + use<> {
        self.time().map(|(_, column)| column).into_iter().chain(self.bucket().map(|(_, column)| column))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    Hour,
    Day,
    Month,
}

/// One column of an order key. ASC puts NULLs last, DESC first, unless said otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderColumn {
    pub column: ColumnId,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub oid: Oid,
    pub name: String,
    pub kind: ConstraintKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    /// Recorded, and enforced if [`Table::enforces_keys`]. `index` is the oid of the relation that shows it in `pg_index`.
    PrimaryKey { columns: Vec<ColumnId>, index: Oid },
    /// As a primary key, but NULLs are allowed and equal nothing.
    Unique { columns: Vec<ColumnId>, index: Oid },
    /// Recorded, not enforced.
    ForeignKey { columns: Vec<ColumnId>, table: Oid, referenced: Vec<ColumnId> },
    /// Enforced on every write.
    Check { expression: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub row_type: Oid,
    pub array_type: Oid,
    pub query: StoredQuery,
    /// Output columns; their ids are positions and carry no data.
    pub columns: Vec<Column>,
}

/// The query of a view, which keeps its text; names re-bind through the oids of its dependencies.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredQuery {
    /// As the user wrote it.
    pub text: String,
    /// `search_path` when it was created.
    pub search_path: Vec<String>,
    pub depends_on: Vec<ViewDependency>,
}

/// A name in a view's text and the object that it meant when the view was created.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewDependency {
    /// The name as written, in parts (`schema`, `table` or `table` alone).
    pub written: Vec<String>,
    pub relation: Oid,
    /// The columns that the view reads, by the name they had, so that a rename can be followed and a drop refused.
    pub columns: Vec<(String, ColumnId)>,
}

/// `CREATE INDEX`, and the index of a key: recorded and shown, never built.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub table: Oid,
    pub columns: Vec<ColumnId>,
    pub unique: bool,
    pub primary: bool,
    /// The statement's text for `pg_get_indexdef`.
    pub definition: String,
}

impl Column {
    /// Makes the texts that are stored of a column of an enum type, or of an array of one: that type is gone, or has
    /// other labels now. The default goes, because its text names the type.
    pub fn to_text(&mut self) {
        self.ty = if self.ty.is_array() { PgType::plain(TypeKind::Text.array_oid()) } else { PgType::TEXT };
        self.default = None;
        // Without its expression a generated column is a plain one, with the values that it has.
        if self.rule == ColumnRule::Generated {
            self.rule = ColumnRule::Plain;
        }
    }
}

impl Table {
    /// The live column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether no two rows may share a key; otherwise keys are only recorded.
    pub fn enforces_keys(&self) -> bool {
        self.options.iter().any(|(name, value)| name == "enforce_key" && value == "true")
    }

    /// The live column with that id.
    pub fn column_by_id(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }
}

impl Relation {
    /// What a dropped table, or a part of one, was called.
    pub fn former_name(&self) -> &str {
        self.name.split_once(Schema::DROPPED_SEPARATOR).map_or(&self.name, |(_, name)| name)
    }

    /// The table definition, if this is a table or a materialized view, which is stored as one.
    pub fn as_table(&self) -> Option<&Table> {
        if let RelationKind::Table(table) = &self.kind { Some(table) } else { None }
    }

    /// Where the rows come from, if this is a materialized view.
    pub fn as_materialized(&self) -> Option<&Materialized> {
        self.as_table()?.materialized.as_deref()
    }

    /// The query of a view or materialized view.
    pub fn stored_query(&self) -> Option<&StoredQuery> {
        let of_view = self.as_view().map(|view| &view.query);
        of_view.or_else(|| self.as_materialized().map(|materialized| &materialized.query))
    }

    /// The view definition, if this is a view.
    pub fn as_view(&self) -> Option<&View> {
        if let RelationKind::View(view) = &self.kind { Some(view) } else { None }
    }

    /// The definition of an enum type, if this is one.
    pub fn as_enum(&self) -> Option<&EnumType> {
        if let RelationKind::Enum(definition) = &self.kind { Some(definition) } else { None }
    }

    /// The sequence definition, if this is a sequence.
    pub fn as_sequence(&self) -> Option<&Sequence> {
        if let RelationKind::Sequence(sequence) = &self.kind { Some(sequence) } else { None }
    }
}
