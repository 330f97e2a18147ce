//! How far back states can be read: what only older ones see is forgotten, by age and where it takes too much.

use peristyle_catalog::model::{Change, ChangeSet, Relation, Seq, TimestampMicros};
use peristyle_catalog::{Catalog, Head, Sources};

use crate::Result;
use crate::settings::GcSettings;

/// Commits that are forgotten on their own account, without anything that only their states see.
const COMMITS_WORTHWHILE: usize = 1000;

/// Forgets what is due, if there is anything. Objects go after that, by [`super::run`].
pub async fn forget_history(catalog: &Catalog, sources: &Sources, settings: &GcSettings) -> Result<()> {
    let horizon = catalog.horizon();
    let head = catalog.snapshot();
    let (log_end, _) = catalog.log_extent();
    let before = readable_from(&head, sources.clock.now(), log_end, settings).min(horizon);
    if is_worthwhile(&head, before) {
        let changes = vec![Change::ForgetHistory { before }];
        catalog.commit(ChangeSet { changes, ..ChangeSet::default() }).await?;
    }
    Ok(())
}

/// The oldest commit whose state is to be readable.
fn readable_from(head: &Head, now: TimestampMicros, log_end: u64, settings: &GcSettings) -> Seq {
    let oldest = now.seconds_before(settings.history_seconds);
    // The state of the last commit before that time was the newest at that time.
    let by_age = head.commit_at(oldest).unwrap_or_else(|| head.history_from());
    by_age.max(by_objects(head, settings)).max(by_log(head, log_end, settings)).max(by_rows(head, settings))
}

/// The first state for which the objects that are kept take no more than they may.
fn by_objects(head: &Head, settings: &GcSettings) -> Seq {
    let mut bytes: u64 = head.ended().map(|partition| partition.bytes).sum();
    let mut from = Seq::ZERO;
    for partition in head.ended() {
        if bytes <= settings.history_bytes_max {
            break;
        }
        bytes -= partition.bytes;
        from = partition.removed.map_or(from, |end| end.seq);
    }
    from
}

fn by_log(head: &Head, log_end: u64, settings: &GcSettings) -> Seq {
    let kept_from = log_end.saturating_sub(settings.history_log_bytes_max);
    let too_old = head.ended_chunks().filter(|(_, chunk)| chunk.log_position < kept_from);
    too_old.map(|(end, _)| end).max().unwrap_or_default()
}

/// The first state for which no more is kept than may be.
fn by_rows(head: &Head, settings: &GcSettings) -> Seq {
    let mut ends: Vec<(Seq, usize)> = ends(head).collect();
    let mut rows: usize = ends.iter().map(|(_, rows)| rows).sum();
    if rows <= settings.history_rows_max {
        return Seq::ZERO;
    }
    ends.sort_unstable();
    let too_many = ends.into_iter().take_while(|(_, weight)| {
        let is_over = rows > settings.history_rows_max;
        rows -= weight;
        is_over
    });
    too_many.last().map_or(Seq::ZERO, |(end, _)| end)
}

/// The commits that ended what is kept, with how many rows it takes: a definition has one for each column.
fn ends(head: &Head) -> impl Iterator<Item = (Seq, usize)> {
    let partitions = head.ended().filter_map(|partition| partition.removed.map(|end| (end.seq, 1)));
    let chunks = head.ended_chunks().map(|(end, _)| (end, 1));
    let columns = |relation: &Relation| relation.as_table().map_or(0, |table| table.columns.len());
    let definitions = head.past_relations().map(move |(end, relation)| (end, 1 + columns(relation)));
    partitions.chain(chunks).chain(definitions)
}

/// Whether a commit that forgets would forget more than the commits that it is itself one of.
fn is_worthwhile(head: &Head, before: Seq) -> bool {
    let from = head.history_from();
    let frees = || ends(head).any(|(end, _)| from < end && end <= before);
    before > from && (frees() || head.commits().take_while(|(seq, _)| *seq < before).count() >= COMMITS_WORTHWHILE)
}

#[cfg(test)]
mod tests;
