//! What must hold between the rows of one head, whatever wrote them.

use std::collections::{BTreeMap, BTreeSet};

use super::Fault;
use super::loss::name_of;
use crate::Head;
use crate::head::TableContents;
use crate::model::{Oid, Partition, PartitionId};

/// Every contradiction that is found.
pub(super) fn faults(head: &Head) -> Vec<Fault> {
    let mut faults = names(head);
    for (table, contents) in &head.contents {
        contents_faults(head, *table, contents, &mut faults);
    }
    faults.extend(shared_objects(head));
    faults
}

fn names(head: &Head) -> Vec<Fault> {
    let mut faults = Vec::new();
    for relation in head.relations() {
        let named = head.relation_by_name(relation.schema, &relation.name).map(|found| found.oid);
        let mut say = |detail: String| faults.push(Fault::new(name_of(head, relation.oid), detail));
        if named != Some(relation.oid) {
            say(format!("its name is that of relation {named:?}"));
        }
        if head.schema(relation.schema).is_none() {
            say(format!("its schema {} does not exist", relation.schema));
        }
        if relation.oid.0 >= head.next_oid && relation.oid >= Oid::FIRST_USER {
            say(format!("its oid {} would be given again: the next is {}", relation.oid, head.next_oid));
        }
        if relation.version > head.seq {
            say(format!("it was changed by commit {}, which is not there", relation.version));
        }
        for on in relation.stored_query().into_iter().flat_map(|query| &query.depends_on) {
            if head.relation(on.relation).is_none() && !head.is_dropped(relation) {
                say(format!("it reads relation {}, which does not exist", on.relation));
            }
        }
    }
    faults
}

fn contents_faults(head: &Head, table: Oid, contents: &TableContents, faults: &mut Vec<Fault>) {
    let name = name_of(head, table);
    let mut say = |detail: String| faults.push(Fault::new(&name, detail));
    let holds_rows = contents.partition_count() > 0 || contents.chunk_count() > 0;
    if holds_rows && head.relation(table).and_then(|relation| relation.as_table()).is_none() {
        say("it holds rows and is no table".to_owned());
    }
    let rows: u64 = contents.partitions().map(|partition| partition.rows).sum::<u64>()
        + contents.chunks().map(|chunk| chunk.rows).sum::<u64>();
    if rows != contents.rows() {
        say(format!("its partitions and chunks have {rows} rows, it counts {}", contents.rows()));
    }
    for partition in contents.partitions().filter(|partition| !is_of_the_past(head, partition)) {
        say(format!("partition {} is of commits that are not there", partition.id));
    }
    for chunk in contents.chunks().filter(|chunk| chunk.added() > head.seq) {
        say(format!("chunk {} is of a commit that is not there", chunk.id));
    }
}

fn is_of_the_past(head: &Head, partition: &Partition) -> bool {
    let (first, last) = partition.row_seqs;
    // Where a merge made it of chunks alone, it stands for them from the first on.
    partition.added <= head.seq && first <= last && last <= head.seq
}

/// Objects that two tables name which are no clones, or that have an end mark while they are live.
fn shared_objects(head: &Head) -> Vec<Fault> {
    let mut live: BTreeMap<PartitionId, BTreeSet<Oid>> = BTreeMap::new();
    let mut homes: BTreeMap<PartitionId, BTreeSet<Oid>> = BTreeMap::new();
    for (table, contents) in &head.contents {
        for partition in contents.partitions() {
            live.entry(partition.id).or_default().insert(*table);
            homes.entry(partition.id).or_default().insert(partition.home);
        }
    }
    let ended = head
        .ended()
        .filter(|partition| live.get(&partition.id).is_some_and(|tables| tables.contains(&partition.table)));
    let ended = ended.map(|partition| {
        Fault::new(name_of(head, partition.table), format!("partition {} is live and has an end mark", partition.id))
    });
    let mut faults: Vec<Fault> = ended.collect();
    // Clones agree about where the object lies.
    let contradicts = |id: &PartitionId| homes.get(id).is_some_and(|homes| homes.len() > 1);
    for (id, tables) in live.iter().filter(|(id, tables)| tables.len() > 1 && contradicts(id)) {
        let names: Vec<String> = tables.iter().map(|table| name_of(head, *table)).collect();
        faults.push(Fault::new(format!("partition {id}"), format!("{} all name it", names.join(", "))));
    }
    faults
}
