//! The matrix of docs/decisions/0001-conflict-matrix.md, cell by cell: the row's change set commits, then the column's,
//! which was made on the snapshot before it. The change sets require and change what `sql` and the merge put into theirs.

use super::support::{
    Home, PUBLIC, append_chunk, append_partition, chunk, column, create_t, describe, partition, relation, schema, set,
    table, view,
};
use crate::model::{
    Change, ChangeSet, ChunkId, ColumnId, Index, KeySet, NewPartition, Oid, PartitionId, PgType, Relation,
    RelationKind, Requirement, Table, WrittenKeys,
};
use crate::{Catalog, Error, Head};

const RECORD: &str = include_str!("../../../docs/decisions/0001-conflict-matrix.md");
/// Columns `a` and `b` of `t`.
const COLUMNS: [(u32, PgType); 2] = [(1, PgType::INT4), (2, PgType::TEXT)];
const DATABASE: Oid = Oid(16384);
/// The table `t (a, b)` of the record.
const T: Oid = Oid(super::support::T);
/// The table `o (a)`, which is renamed, and the view `w` over it.
const O: Oid = Oid(21_000);
const W: Oid = Oid(22_000);
/// The schema `e`, which is empty.
const E: Oid = Oid(23_000);
/// Each side makes its objects with oids of its own.
const OIDS_PER_SIDE: u32 = 1000;

#[tokio::test]
async fn every_pair_ends_as_the_record_says() {
    let cells = cells();
    assert_eq!(cells.len(), 16 * 16 + 2 * 2 + 5 * 5);
    let mut wrong = Vec::new();
    for (first, second, expected) in cells {
        let found = outcome(&first, &second).await;
        if found != expected {
            wrong.push(format!("{first}, then {second}: {found} and not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// (first, second, outcome) of every cell of every matrix.
fn cells() -> Vec<(String, String, String)> {
    let mut cells = Vec::new();
    for matrix in RECORD.split("<!-- matrix: ").skip(1) {
        let mut rows = matrix.lines().skip(1).take_while(|line| line.starts_with('|')).map(row);
        let kinds = rows.next().expect("a matrix has a head");
        for row in rows.skip(1) {
            let outcomes = kinds.iter().zip(&row).skip(1);
            cells.extend(outcomes.map(|(kind, outcome)| (row[0].clone(), kind.clone(), outcome.clone())));
        }
    }
    cells
}

fn row(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// What the second commit gets.
async fn outcome(first: &str, second: &str) -> String {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(fixture()).await.unwrap();
    let snapshot = catalog.snapshot();
    let earlier = Planner { catalog: &catalog, head: &snapshot, side: 1 }.change_set(first);
    let later = Planner { catalog: &catalog, head: &snapshot, side: 2 }.change_set(second);
    catalog.commit(earlier).await.unwrap();
    let before = describe(&catalog.snapshot());
    match catalog.commit(later.clone()).await {
        Ok(_) if is_rebased(&catalog, &later) => "rebase".to_owned(),
        Ok(_) => "both".to_owned(),
        Err(error) => {
            assert_eq!(describe(&catalog.snapshot()), before, "a failed commit changes nothing");
            sqlstate(&error).to_owned()
        }
    }
}

/// What exists before either: `t` with a partition and a chunk, `o`, `w`, `e`.
fn fixture() -> ChangeSet {
    let mut changes = create_t();
    changes.changes.extend([
        Change::CreateRelation(table(O.0, "o", vec![column(1, "a", PgType::INT4)])),
        Change::CreateRelation(view(W.0, "w", &[O.0])),
        Change::CreateSchema(schema(E.0, "e")),
        append_partition(T.0, 1),
        append_chunk(T.0, b"old"),
    ]);
    changes
}

/// Whether a column that was proposed got another id.
fn is_rebased(catalog: &Catalog, changes: &ChangeSet) -> bool {
    let head = catalog.snapshot();
    changes.changes.iter().any(|change| match change {
        Change::EnsureColumn { table, proposed, name, ty } => {
            let got = table_of(&head, *table).column(name).expect("the column is there").clone();
            assert_eq!(got.ty, *ty, "the column takes the wider type");
            got.id != *proposed
        }
        _ => false,
    })
}

fn sqlstate(error: &Error) -> &'static str {
    match error {
        Error::Conflict { .. } | Error::ReadChanged { .. } | Error::ColumnChanged { .. } => "40001",
        Error::RelationGone(_) => "42P01",
        Error::SchemaGone(_) => "3F000",
        Error::DuplicateRelation(_) => "42P07",
        Error::DuplicateSchema(_) => "42P06",
        Error::DependentObjects { .. } => "2BP01",
        other => panic!("no statement should get {other:?}"),
    }
}

fn table_of(head: &Head, oid: Oid) -> &Table {
    head.relation(oid).and_then(|relation| relation.as_table()).expect("the table is there")
}

/// Makes the change sets of one side's statements on a snapshot.
struct Planner<'a> {
    catalog: &'a Catalog,
    head: &'a Head,
    side: u32,
}

impl Planner<'_> {
    fn change_set(&self, kind: &str) -> ChangeSet {
        let (requires, changes) = match kind {
            "insert" => (self.writable(), vec![self.rows(&[])]),
            "keyed_insert" => self.keyed_insert(&self.side.to_be_bytes()),
            "same_key" => self.keyed_insert(b"same"),
            "evolve" => self.evolve(),
            "truncate" => (self.all_live(), vec![self.remove_all()]),
            "delete" => self.rewrite(&[]),
            "update" => self.rewrite(&[self.rows(&[])]),
            "alter" => self.replace_table(|table| {
                let id = self.catalog.reserve_columns(T, 1);
                table.columns.push(column(id.0, &format!("d{}", self.side), PgType::INT4));
                table.next_attnum = i16::try_from(id.0 + 1).expect("few columns");
            }),
            "drop_column" => {
                let (mut requires, changes) =
                    self.replace_table(|table| table.columns.retain(|column| column.name != "b"));
                requires.push(Requirement::NoColumnDependents { table: T, column: ColumnId(2), except: Vec::new() });
                (requires, changes)
            }
            "alter_type" => self.alter_type(),
            "drop_table" => self.drop_relation(T),
            "create_index" => self.create_index(),
            "create_view" => self.create_view(),
            "merge" => self.merge(),
            "lock" => self.lock(),
            "serializable" => {
                let unchanged = Requirement::UnchangedSince { relation: T, since: self.head.seq() };
                let u = table(self.oid(), &format!("u{}", self.side), vec![column(1, "a", PgType::INT4)]);
                (vec![unchanged], vec![Change::CreateRelation(u)])
            }
            "replace_view" => {
                let requires = vec![self.unchanged(W), self.unchanged(O)];
                (requires, vec![Change::ReplaceRelation(self.definition(W))])
            }
            "drop_view" => self.drop_relation(W),
            "create_table" => self.create_in(PUBLIC),
            "create_in" => self.create_in(E),
            "rename_table" => {
                let renamed = Relation { name: "u".to_owned(), ..self.definition(O) };
                (vec![self.unchanged(O), name_free(PUBLIC, "u")], vec![Change::ReplaceRelation(renamed)])
            }
            "create_schema" => {
                let requires = vec![Requirement::SchemaNameFree { database: DATABASE, name: "s".to_owned() }];
                (requires, vec![Change::CreateSchema(schema(self.oid(), "s"))])
            }
            "drop_schema" => (vec![Requirement::SchemaLive(E)], vec![Change::DropSchema(E)]),
            other => panic!("the record names a statement that is not known here: {other}"),
        };
        ChangeSet { requires, ..set(changes) }
    }

    fn oid(&self) -> u32 {
        30_000 + self.side * OIDS_PER_SIDE
    }

    fn definition(&self, oid: Oid) -> Relation {
        self.head.relation(oid).expect("it is there").as_ref().clone()
    }

    fn unchanged(&self, oid: Oid) -> Requirement {
        Requirement::RelationVersion { oid, version: self.definition(oid).version }
    }

    /// The table is live and takes its own columns.
    fn writable(&self) -> Vec<Requirement> {
        let columns = COLUMNS.iter().map(|(id, ty)| (ColumnId(*id), *ty)).collect();
        vec![Requirement::RelationLive(T), Requirement::ColumnsAccept { table: T, columns }]
    }

    /// A chunk of both columns and more.
    fn rows(&self, more: &[(u32, PgType)]) -> Change {
        let mut columns = COLUMNS.to_vec();
        columns.extend_from_slice(more);
        let body = format!("rows of side {}", self.side);
        Change::Append { table: T, partitions: Vec::new(), chunks: vec![chunk(&columns, body.as_bytes())] }
    }

    fn keyed_insert(&self, key: &[u8]) -> (Vec<Requirement>, Vec<Change>) {
        let keys = KeySet::new([key].into_iter());
        let written = vec![WrittenKeys { constraint: Oid(1), types: vec![PgType::INT4], keys }];
        let free = Requirement::KeysFreeSince { table: T, since: self.head.seq(), written };
        (self.writable().into_iter().chain([free]).collect(), vec![self.rows(&[])])
    }

    /// The second side brings a wider type.
    fn evolve(&self) -> (Vec<Requirement>, Vec<Change>) {
        let ty = if self.side == 1 { PgType::INT4 } else { PgType::INT8 };
        let proposed = self.catalog.reserve_columns(T, 1);
        let ensure = Change::EnsureColumn { table: T, proposed, name: "c".to_owned(), ty };
        (self.writable(), vec![ensure, self.rows(&[(proposed.0, ty)])])
    }

    fn held(&self) -> (Vec<PartitionId>, Vec<ChunkId>) {
        let contents = self.head.contents(T).expect("the table holds rows");
        let partitions = contents.partitions().map(|partition| partition.id).collect();
        (partitions, contents.chunks().map(|chunk| chunk.id).collect())
    }

    fn all_live(&self) -> Vec<Requirement> {
        let (partitions, chunks) = self.held();
        vec![
            Requirement::RelationLive(T),
            Requirement::PartitionsLive { table: T, partitions },
            Requirement::ChunksLive { table: T, chunks },
        ]
    }

    fn remove_all(&self) -> Change {
        let (partitions, chunks) = self.held();
        Change::Remove { table: T, partitions, chunks }
    }

    /// A partition of rows that were there already.
    fn old_rows(&self) -> NewPartition {
        let old = Some((self.head.seq(), self.head.seq()));
        NewPartition { row_seqs: old, ..partition(u128::from(self.oid()), &COLUMNS) }
    }

    fn replacing_all(&self) -> Vec<Requirement> {
        self.all_live().into_iter().chain(self.writable().into_iter().skip(1)).collect()
    }

    fn merge(&self) -> (Vec<Requirement>, Vec<Change>) {
        let (partitions, chunks) = self.held();
        let merge = Change::Merge { table: T, partitions, chunks, into: vec![self.old_rows()] };
        (self.replacing_all(), vec![merge])
    }

    /// All that the table holds is replaced by what stays of it and by more rows.
    fn rewrite(&self, more: &[Change]) -> (Vec<Requirement>, Vec<Change>) {
        let (rest, requires) = (self.old_rows(), self.replacing_all());
        let append = Change::Append { table: T, partitions: vec![rest], chunks: Vec::new() };
        (requires, [self.remove_all(), append].into_iter().chain(more.iter().cloned()).collect())
    }

    fn replace_table(&self, change: impl FnOnce(&mut Table)) -> (Vec<Requirement>, Vec<Change>) {
        let mut definition = self.definition(T);
        if let RelationKind::Table(table) = &mut definition.kind {
            change(table);
        }
        (vec![self.unchanged(T)], vec![Change::ReplaceRelation(definition)])
    }

    fn lock(&self) -> (Vec<Requirement>, Vec<Change>) {
        let (mut requires, same) = self.replace_table(|_| {});
        requires.extend(self.all_live().into_iter().skip(1));
        requires.push(Requirement::NoRowsSince { table: T, since: self.head.seq() });
        (requires, same)
    }

    /// All rows are written again with another column in the place of `b`.
    fn alter_type(&self) -> (Vec<Requirement>, Vec<Change>) {
        let id = self.catalog.reserve_columns(T, 1);
        let (mut requires, replaced) = self.replace_table(|table| {
            let b = table.columns.iter_mut().find(|column| column.name == "b").expect("it has b");
            (b.id, b.ty) = (id, PgType::INT8);
        });
        requires.extend(self.all_live().into_iter().skip(1));
        requires.push(Requirement::NoRowsSince { table: T, since: self.head.seq() });
        requires.push(Requirement::NoColumnDependents { table: T, column: ColumnId(2), except: Vec::new() });
        let rows = partition(u128::from(self.oid()), &[COLUMNS[0], (id.0, PgType::INT8)]);
        let append = Change::Append { table: T, partitions: vec![rows], chunks: Vec::new() };
        (requires, [self.remove_all()].into_iter().chain(replaced).chain([append]).collect())
    }

    fn drop_relation(&self, oid: Oid) -> (Vec<Requirement>, Vec<Change>) {
        let requires = vec![self.unchanged(oid), Requirement::NoDependents { oid, except: vec![oid] }];
        (requires, vec![Change::DropRelation(oid)])
    }

    fn create_index(&self) -> (Vec<Requirement>, Vec<Change>) {
        let index = Index {
            table: T,
            columns: vec![ColumnId(1)],
            unique: false,
            primary: false,
            definition: "create index i on t (a)".to_owned(),
        };
        let index = relation(self.oid(), "i", RelationKind::Index(index));
        (vec![self.unchanged(T), name_free(PUBLIC, "i")], vec![Change::CreateRelation(index)])
    }

    fn create_view(&self) -> (Vec<Requirement>, Vec<Change>) {
        let requires = vec![self.unchanged(T), Requirement::SchemaLive(PUBLIC), name_free(PUBLIC, "v")];
        (requires, vec![Change::CreateRelation(view(self.oid(), "v", &[T.0]))])
    }

    fn create_in(&self, schema: Oid) -> (Vec<Requirement>, Vec<Change>) {
        let u = Relation { schema, ..table(self.oid(), "u", vec![column(1, "a", PgType::INT4)]) };
        (vec![Requirement::SchemaLive(schema), name_free(schema, "u")], vec![Change::CreateRelation(u)])
    }
}

fn name_free(schema: Oid, name: &str) -> Requirement {
    Requirement::NameFree { schema, name: name.to_owned() }
}
