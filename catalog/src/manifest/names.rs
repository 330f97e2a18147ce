//! Names of manifests and how they make a chain.

use uuid::Uuid;

use crate::model::Seq;

const BASE: &str = "base";
const DELTA: &str = "delta";
/// Digits of a sequence number in a name: u64 needs at most 20.
const SEQ_DIGITS: usize = 20;

/// `base-<seq>-<uuid>` or `delta-<from>-<to>-<uuid>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestName {
    pub(crate) name: String,
    /// The manifest that a delta goes on from; `None` for a base.
    pub(crate) from: Option<Seq>,
    pub(crate) to: Seq,
}

impl ManifestName {
    pub(crate) fn new(from: Option<Seq>, to: Seq, id: Uuid) -> ManifestName {
        let name = match from {
            None => format!("{BASE}-{:0SEQ_DIGITS$}-{id}", to.0),
            Some(from) => format!("{DELTA}-{:0SEQ_DIGITS$}-{:0SEQ_DIGITS$}-{id}", from.0, to.0),
        };
        ManifestName { name, from, to }
    }

    pub(crate) fn parse(name: &str) -> Option<ManifestName> {
        let (kind, rest) = name.split_once('-')?;
        let (from, rest) = match kind {
            BASE => (None, rest),
            DELTA => {
                let (from, rest) = rest.split_once('-')?;
                (Some(seq(from)?), rest)
            }
            _ => return None,
        };
        let (to, id) = rest.split_once('-')?;
        id.parse::<Uuid>().ok()?;
        Some(ManifestName { name: name.to_owned(), from, to: seq(to)? })
    }
}

fn seq(digits: &str) -> Option<Seq> {
    (digits.len() == SEQ_DIGITS).then(|| digits.parse().ok().map(Seq))?
}

/// The newest base and the deltas that follow it without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) base: ManifestName,
    pub(crate) deltas: Vec<ManifestName>,
}

impl Chain {
    /// `None` if there is no base among the names.
    pub(crate) fn find(names: &[String]) -> Option<Chain> {
        let parsed: Vec<ManifestName> = names.iter().filter_map(|name| ManifestName::parse(name)).collect();
        let bases = parsed.iter().filter(|name| name.from.is_none());
        let mut chain = Chain { base: bases.max_by_key(|name| name.to)?.clone(), deltas: Vec::new() };
        // Of two that go on from the same place (one was written by a try that was thought to have failed) either is
        // right; the longer one leads further.
        while let Some(delta) = parsed
            .iter()
            .filter(|name| name.from == Some(chain.to()) && name.to > chain.to())
            .max_by_key(|name| name.to)
        {
            chain.deltas.push(delta.clone());
        }
        Some(chain)
    }

    /// The commit that the chain leads to.
    pub(crate) fn to(&self) -> Seq {
        self.deltas.last().map_or(self.base.to, |delta| delta.to)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.base.name == name || self.deltas.iter().any(|delta| delta.name == name)
    }
}
