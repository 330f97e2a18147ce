//! `system.orphans`: objects in the store that nothing names. The one relation that must wait: it lists the store.

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::error::Result;

use crate::relation::{Declaration, RelationContext, Rows, VirtualRelation, declarations};

pub(crate) const ORPHANS_OID: u32 = 16305;

pub(crate) static ORPHANS: Orphans = Orphans;

static DECLARATION: LazyLock<&'static Declaration> = LazyLock::new(|| {
    let own = declarations().iter().find(|declaration| declaration.oid == ORPHANS_OID);
    own.expect("system.orphans is declared")
});

pub(crate) struct Orphans;

#[async_trait]
impl VirtualRelation for Orphans {
    fn declaration(&self) -> &'static Declaration {
        *DECLARATION
    }

    async fn rows(&self, context: &RelationContext<'_>) -> Result<RecordBatch> {
        let listed = match &context.server.orphans {
            Some(orphans) => orphans.list().await?,
            None => Vec::new(),
        };
        let mut rows = Rows::new(self.columns());
        let mut named = rows.named(["path", "bytes", "modified_at"]);
        for orphan in listed {
            named.push([orphan.path.into(), orphan.bytes.into(), orphan.modified_at.into()]);
        }
        rows.finish(self.declaration().arrow_schema())
    }
}
