//! Random change sets against a plain model of maps, with restarts in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use super::support::{Home, PUBLIC, append_chunk, append_partition, column, describe, rows_of, set, table, view};
use crate::model::{Change, ChangeSet, ChunkId, ColumnId, Oid, Partition, PartitionId, PgType, RelationKind, widen};
use crate::{Catalog, Head};

const TABLES: u32 = 3;
const NAMES: [&str; 4] = ["n0", "n1", "n2", "n3"];
const TYPES: [PgType; 4] = [PgType::INT2, PgType::INT8, PgType::FLOAT8, PgType::TEXT];

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Op>),
    Checkpoint,
    Restart { deletes_index: bool, is_clean: bool },
}

#[derive(Clone, Debug)]
enum Op {
    Create { table: u32, name: usize },
    CreateView { table: u32, name: usize },
    Drop { table: u32 },
    Rename { table: u32, name: usize },
    Ensure { table: u32, name: usize, ty: usize },
    DropColumn { table: u32, which: Index },
    AppendChunk { table: u32, body: Vec<u8> },
    AppendPartition { table: u32, id: u128 },
    RemovePartition { table: u32, which: Index },
    RemoveChunk { table: u32, which: Index },
    Forget { which: Index },
}

fn op() -> impl Strategy<Value = Op> {
    let table = 0..TABLES;
    let name = 0..NAMES.len();
    prop_oneof![
        4 => (table.clone(), name.clone()).prop_map(|(table, name)| Op::Create { table, name }),
        1 => (table.clone(), name.clone()).prop_map(|(table, name)| Op::CreateView { table, name }),
        1 => table.clone().prop_map(|table| Op::Drop { table }),
        2 => (table.clone(), name.clone()).prop_map(|(table, name)| Op::Rename { table, name }),
        4 => (table.clone(), name, 0..TYPES.len()).prop_map(|(table, name, ty)| Op::Ensure { table, name, ty }),
        1 => (table.clone(), any::<Index>()).prop_map(|(table, which)| Op::DropColumn { table, which }),
        6 => (table.clone(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(table, body)| Op::AppendChunk { table, body }),
        6 => (table.clone(), 1..40_u128).prop_map(|(table, id)| Op::AppendPartition { table, id }),
        4 => (table.clone(), any::<Index>()).prop_map(|(table, which)| Op::RemovePartition { table, which }),
        4 => (table, any::<Index>()).prop_map(|(table, which)| Op::RemoveChunk { table, which }),
        3 => any::<Index>().prop_map(|which| Op::Forget { which }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(op(), 1..4).prop_map(Step::Commit),
        2 => Just(Step::Checkpoint),
        1 => (any::<bool>(), any::<bool>())
            .prop_map(|(deletes_index, is_clean)| Step::Restart { deletes_index, is_clean }),
    ]
}

/// What a catalog should hold, in the plainest form.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    relations: BTreeMap<u32, ModelRelation>,
    /// Commit that ended it, table, id: the order in which objects are deleted.
    ended: BTreeSet<(u64, u32, u128)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ModelRelation {
    name: String,
    is_view: bool,
    columns: Vec<(String, PgType)>,
    partitions: BTreeSet<u128>,
    chunks: Vec<Vec<u8>>,
}

impl Model {
    fn of(head: &Head) -> Model {
        let relations = head.relations().map(|relation| (relation.oid.0, ModelRelation::of(head, relation))).collect();
        let end = |partition: &Partition| partition.removed.expect("an ended partition has an end").seq.0;
        let ended = head.ended().map(|ended| (end(ended), ended.table.0, ended.id.0.as_u128())).collect();
        Model { relations, ended }
    }

    fn is_named(&self, name: &str, but: Option<u32>) -> bool {
        self.relations.iter().any(|(oid, relation)| relation.name == name && Some(*oid) != but)
    }

    fn table(&mut self, oid: u32) -> Option<&mut ModelRelation> {
        self.relations.get_mut(&oid).filter(|relation| !relation.is_view)
    }
}

impl ModelRelation {
    fn of(head: &Head, relation: &crate::model::Relation) -> ModelRelation {
        let (is_view, columns) = match &relation.kind {
            RelationKind::Table(table) => (false, &table.columns),
            RelationKind::View(view) => (true, &view.columns),
            RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => {
                panic!("no step makes one of these")
            }
        };
        let contents = head.contents(relation.oid);
        let rows = contents.and_then(|contents| contents.real_time());
        let bodies = rows.map_or(Vec::new(), |rows| rows_of(rows).0.values().map(|body| body.to_vec()).collect());
        let partitions = contents.into_iter().flat_map(|contents| contents.partitions());
        ModelRelation {
            name: relation.name.clone(),
            is_view,
            columns: columns.iter().map(|column| (column.name.clone(), column.ty)).collect(),
            partitions: partitions.map(|partition| partition.id.0.as_u128()).collect(),
            chunks: bodies,
        }
    }
}

/// A catalog beside its model.
struct Pair {
    home: Home,
    catalog: Option<Arc<Catalog>>,
    model: Model,
}

fn oid_of(table: u32) -> u32 {
    20_000 + table * 10
}

impl Pair {
    fn catalog(&self) -> &Arc<Catalog> {
        self.catalog.as_ref().expect("it is open between steps")
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Commit(ops) => self.commit(ops).await,
            Step::Checkpoint => self.catalog().checkpoint().await.unwrap(),
            Step::Restart { deletes_index, is_clean } => self.restart(deletes_index, is_clean).await,
        }
    }

    async fn restart(&mut self, deletes_index: bool, is_clean: bool) {
        let before = describe(&self.catalog().snapshot());
        if is_clean {
            self.catalog().close().await.unwrap();
        }
        self.catalog = None;
        if deletes_index {
            self.home.delete_index();
        }
        self.catalog = Some(self.home.open().await);
        assert_eq!(describe(&self.catalog().snapshot()), before);
    }

    async fn commit(&mut self, ops: Vec<Op>) {
        let before = self.catalog().snapshot();
        let described = describe(&before);
        let mut model = self.model.clone();
        let mut changes = Vec::new();
        // A set in which any change cannot be must fail whole.
        let is_possible = ops.iter().all(|op| expect(&mut model, &before, op, &mut changes));
        let is_committed = self.catalog().commit(ChangeSet { ..set(changes) }).await;
        assert_eq!(is_committed.is_ok(), is_possible, "{ops:?}: {is_committed:?}");
        if is_possible {
            self.model = model;
        } else {
            assert_eq!(describe(&self.catalog().snapshot()), described);
        }
        assert_eq!(Model::of(&self.catalog().snapshot()), self.model);
        assert_eq!(describe(&before), described, "an old snapshot does not change");
    }
}

/// Changes the model as an operation should, and says whether it should succeed. `head` is the state before the set.
fn expect(model: &mut Model, head: &Head, op: &Op, changes: &mut Vec<Change>) -> bool {
    match op {
        Op::Create { table: number, name } => {
            let (oid, name) = (oid_of(*number), NAMES[*name].to_owned());
            changes.push(Change::CreateRelation(table(oid, &name, vec![column(1, "a", PgType::INT4)])));
            let columns = vec![("a".to_owned(), PgType::INT4)];
            create(model, oid, ModelRelation { name, columns, ..ModelRelation::default() })
        }
        Op::CreateView { table, name } => {
            let (oid, name) = (oid_of(*table), NAMES[*name].to_owned());
            changes.push(Change::CreateRelation(view(oid, &name, &[])));
            let columns = vec![("one".to_owned(), PgType::INT4)];
            create(model, oid, ModelRelation { name, is_view: true, columns, ..ModelRelation::default() })
        }
        Op::Drop { table } => {
            let oid = oid_of(*table);
            changes.push(Change::DropRelation(Oid(oid)));
            let Some(dropped) = model.relations.remove(&oid) else { return false };
            let seq = head.seq.0 + 1;
            model.ended.extend(dropped.partitions.iter().map(|id| (seq, oid, *id)));
            true
        }
        Op::Rename { table, name } => rename(model, head, oid_of(*table), NAMES[*name], changes),
        Op::Ensure { table, name, ty } => {
            let oid = oid_of(*table);
            let (name, ty) = (NAMES[*name].to_owned(), TYPES[*ty]);
            let proposed = ColumnId(1000 + changes.len() as u32);
            changes.push(Change::EnsureColumn { table: Oid(oid), proposed, name: name.clone(), ty });
            let Some(table) = model.table(oid) else { return false };
            match table.columns.iter_mut().find(|(has, _)| *has == name) {
                Some((_, has)) => *has = widen(*has, ty),
                None => table.columns.push((name, ty)),
            }
            true
        }
        Op::DropColumn { table, which } => drop_column(model, head, oid_of(*table), which, changes),
        Op::AppendChunk { table, body } => {
            let oid = oid_of(*table);
            changes.push(append_chunk(oid, body));
            let Some(table) = model.table(oid).filter(|table| has_a(table)) else { return false };
            table.chunks.push(body.clone());
            true
        }
        Op::AppendPartition { table, id } => {
            let oid = oid_of(*table);
            changes.push(append_partition(oid, *id));
            // An id is used once; the model's catalog is told so by the same rule as the real one's callers.
            let is_ended = model.ended.iter().any(|(_, table, ended)| (*table, *ended) == (oid, *id));
            let Some(table) = model.table(oid).filter(|table| has_a(table)) else { return false };
            if is_ended {
                changes.pop();
                return true;
            }
            table.partitions.insert(*id)
        }
        Op::RemovePartition { table, which } => {
            let oid = oid_of(*table);
            let Some(table) = model.table(oid).filter(|table| !table.partitions.is_empty()) else { return true };
            let id = *which.get(&table.partitions.iter().copied().collect::<Vec<_>>());
            table.partitions.remove(&id);
            model.ended.insert((head.seq.0 + 1, oid, id));
            let partitions = vec![PartitionId(Uuid::from_u128(id))];
            changes.push(Change::Remove { table: Oid(oid), partitions, chunks: Vec::new() });
            true
        }
        Op::RemoveChunk { table, which } => remove_chunk(model, head, oid_of(*table), which, changes),
        Op::Forget { which } => {
            if model.ended.is_empty() {
                return true;
            }
            let id = which.get(&model.ended.iter().copied().collect::<Vec<_>>()).2;
            changes.push(Change::Forget(vec![PartitionId(Uuid::from_u128(id))]));
            // A table that has the same object goes on having it.
            let oldest = *model.ended.iter().find(|(_, _, ended)| *ended == id).expect("it is one of them");
            model.ended.remove(&oldest);
            true
        }
    }
}

/// Whether the column that the test's files hold is there and takes integers.
fn has_a(table: &ModelRelation) -> bool {
    table.columns.iter().any(|(name, ty)| name == "a" && *ty == PgType::INT4)
}

fn create(model: &mut Model, oid: u32, relation: ModelRelation) -> bool {
    let is_possible = !model.relations.contains_key(&oid) && !model.is_named(&relation.name, None);
    if is_possible {
        model.relations.insert(oid, relation);
    }
    is_possible
}

/// Replaces a relation with one of another name, starting from the definition before the set.
fn rename(model: &mut Model, head: &Head, oid: u32, name: &str, changes: &mut Vec<Change>) -> bool {
    let Some(relation) = head.relation(Oid(oid)).filter(|_| changes.is_empty()) else { return true };
    let mut relation = (**relation).clone();
    relation.name = name.to_owned();
    changes.push(Change::ReplaceRelation(relation));
    let is_possible = !model.is_named(name, Some(oid));
    model.relations.get_mut(&oid).expect("the head has it").name = name.to_owned();
    is_possible
}

fn drop_column(model: &mut Model, head: &Head, oid: u32, which: &Index, changes: &mut Vec<Change>) -> bool {
    let Some(relation) = head.relation(Oid(oid)).filter(|_| changes.is_empty()) else { return true };
    let mut relation = (**relation).clone();
    let RelationKind::Table(table) = &mut relation.kind else { return true };
    // Never the first: the test's files hold it.
    if table.columns.len() < 2 {
        return true;
    }
    let at = 1 + which.index(table.columns.len() - 1);
    let dropped = table.columns.remove(at);
    model.table(oid).expect("the head has it").columns.retain(|(name, _)| *name != dropped.name);
    changes.push(Change::ReplaceRelation(relation));
    true
}

/// Removes a chunk that was there before the set and that the set did not remove yet.
fn remove_chunk(model: &mut Model, head: &Head, oid: u32, which: &Index, changes: &mut Vec<Change>) -> bool {
    let Some(contents) = head.contents(Oid(oid)).filter(|contents| contents.chunk_count() > 0) else { return true };
    let Some(table) = model.table(oid).filter(|_| changes.is_empty()) else { return true };
    let chunks: Vec<ChunkId> = contents.chunks().map(|chunk| chunk.id).collect();
    let at = which.index(chunks.len());
    table.chunks.remove(at);
    changes.push(Change::Remove { table: Oid(oid), partitions: Vec::new(), chunks: vec![chunks[at]] });
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_change_sets_do_what_the_model_does(steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut home = Home::new();
            home.settings.log_segment_bytes = 1500;
            let catalog = Some(home.open().await);
            let mut pair = Pair { home, catalog, model: Model::default() };
            for step in steps {
                pair.step(step).await;
            }
            let schema = pair.catalog().snapshot().schema(PUBLIC).cloned();
            assert!(schema.is_some());
            pair.restart(true, false).await;
            pair.restart(false, true).await;
        });
    }
}
