//! How far back states can be read: what only older ones see is forgotten, by age and where it takes too much.

use peristyle_catalog::model::{Change, ChangeSet, Seq, TimestampMicros};
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

fn by_rows(head: &Head, settings: &GcSettings) -> Seq {
    let mut ends: Vec<Seq> = ends(head).collect();
    let Some(last) = ends.len().checked_sub(settings.history_rows_max + 1) else { return Seq::ZERO };
    *ends.select_nth_unstable(last).1
}

/// The commits that ended what is kept.
fn ends(head: &Head) -> impl Iterator<Item = Seq> {
    let partitions = head.ended().filter_map(|partition| partition.removed.map(|end| end.seq));
    let chunks = head.ended_chunks().map(|(end, _)| end);
    partitions.chain(chunks).chain(head.past_relations().map(|(end, _)| end))
}

/// Whether a commit that forgets would forget more than the commits that it is itself one of.
fn is_worthwhile(head: &Head, before: Seq) -> bool {
    let from = head.history_from();
    let frees = || ends(head).any(|end| from < end && end <= before);
    before > from && (frees() || head.commits().take_while(|(seq, _)| *seq < before).count() >= COMMITS_WORTHWHILE)
}
