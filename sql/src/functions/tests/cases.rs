//! Placeholder for the tables.
use super::check;

#[test]
fn operators() {
    check("UTC", &[
        ("select 1 + 1", "2"),
        ("select 2147483647 + 1", "22003 integer out of range"),
    ]);
}
