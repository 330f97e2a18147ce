//! How much a benchmark does.

/// `full`, or `check` where each benchmark only runs once to see that it works, as `cargo bench -- --test` and
/// `cargo test --benches` do.
pub(crate) fn size(full: usize, check: usize) -> usize {
    if is_check() { check } else { full }
}

/// Criterion's own rule.
fn is_check() -> bool {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    has("--test") || !has("--bench")
}
