//! Tests of the whole room, through its door.

mod changes;
mod conflicts;
mod crashes;
mod deferred;
mod enum_types;
mod folders;
mod groups;
mod history;
mod keys;
mod lifecycle;
mod lineages;
mod log_damage;
mod manifest_damage;
mod manifests;
mod model;
mod offline;
mod restore_cut_off;
mod sequences;
mod shipping;
pub(crate) mod support;
