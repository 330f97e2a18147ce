//! Work on a data folder that no server has open: look whether everything is there ([`inspect`]), mend what can be
//! mended ([`repair`]), and make a folder anew from what the store holds ([`restore`]).

mod consistency;
mod index;
mod inspect;
mod loss;
mod repair;
mod restore;
mod salvage;

use std::fmt;

pub use crate::folder::RestorePlace;
#[cfg(any(test, feature = "simulation"))]
pub(crate) use inspect::inspect_on;
pub use inspect::{CheckBody, IndexState, Inspection, LogCut, LogState, ManifestState, inspect};
pub use loss::{LostCommits, LostRows};
pub use repair::{RepairOptions, Repaired, repair};
#[cfg(any(test, feature = "simulation"))]
pub(crate) use restore::restore_on;
pub use restore::{Restored, restore};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub what: String,
    pub detail: String,
}

impl Fault {
    pub fn new(what: impl Into<String>, detail: impl Into<String>) -> Fault {
        Fault { what: what.into(), detail: detail.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.detail)
    }
}
