//! What a check found, as lines to read.

use peristyle_catalog::Head;
use peristyle_catalog::offline::{IndexState, Inspection};
use peristyle_storage::check::ObjectsChecked;

use super::check::Found;

/// Prints it to stdout: what is there, then each fault on a line of its own, then the verdict.
pub(super) fn print(found: &Found) {
    let inspection = &found.inspection;
    line("catalog", &catalog(inspection));
    line("manifest", &manifest(inspection));
    line("log", &log(inspection));
    line("index", &index(&inspection.index));
    if let Some(head) = &inspection.head {
        line("tables", &tables(head));
    }
    if let Some(objects) = &found.objects {
        line("objects", &objects_line(objects));
    }
    let mut faults = 0;
    for fault in found.faults() {
        line("FAULT", &fault.to_string());
        faults += 1;
    }
    match faults {
        0 => println!("no faults"),
        1 => println!("1 fault; \"peristyle repair\" says what can be done"),
        _ => println!("{faults} faults; \"peristyle repair\" says what can be done"),
    }
}

fn line(what: &str, detail: &str) {
    println!("{what:9} {detail}");
}

fn catalog(inspection: &Inspection) -> String {
    match &inspection.head {
        Some(head) => format!("{} at commit {} of {}", inspection.catalog, head.seq(), head.at()),
        None => format!("{}, whose rows cannot be read", inspection.catalog),
    }
}

fn manifest(inspection: &Inspection) -> String {
    inspection.manifest.map_or_else(
        || "none that can be read".to_owned(),
        |manifest| {
            let (base, deltas, to) = (manifest.base, manifest.deltas, manifest.to);
            format!("base at commit {base} and {deltas} deltas up to commit {to}, log position {}", manifest.position)
        },
    )
}

fn log(inspection: &Inspection) -> String {
    let log = &inspection.log;
    format!("{} frames from position {} to {}", log.frames, log.from, log.to)
}

fn index(index: &IndexState) -> String {
    match index {
        IndexState::Absent => "none; the next start builds it".to_owned(),
        IndexState::InDoubt => "in doubt after a power loss; the next start builds it anew".to_owned(),
        IndexState::Behind(seq) => format!("ends at commit {seq}, before the manifest; the next start builds it anew"),
        IndexState::Agrees(seq) => format!("equals manifest and log up to commit {seq}"),
        IndexState::Differs(_) => "is wrong".to_owned(),
        IndexState::Unknown => "could not be compared".to_owned(),
    }
}

fn tables(head: &Head) -> String {
    let (mut partitions, mut chunks, mut rows, mut tables) = (0, 0, 0, 0);
    for relation in head.relations().filter(|relation| relation.as_table().is_some()) {
        tables += 1;
        if let Some(contents) = head.contents(relation.oid) {
            partitions += contents.partition_count();
            chunks += contents.chunk_count();
            rows += contents.rows();
        }
    }
    format!("{tables}: {rows} rows in {partitions} partitions and {chunks} chunks")
}

fn objects_line(objects: &ObjectsChecked) -> String {
    let ObjectsChecked { objects: count, bytes, checksums, deleted, orphans, orphan_bytes, .. } = objects;
    let whole = format!("{count} of live partitions, {bytes} bytes, {checksums} checksums agree");
    let orphaned = format!("{orphans} that nothing names, {orphan_bytes} bytes");
    let gone = if *deleted > 0 { format!("; {deleted} with an end mark are deleted already") } else { String::new() };
    format!("{whole}; {orphaned}{gone}")
}
