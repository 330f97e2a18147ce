//! Queries of the kinds that clients send, over the fixture.

use super::harness::{query, run, session, shown};

/// Runs the queries of a file, separated by NUL bytes, and says which fail: for comparing with what a client sends.
#[tokio::test]
#[ignore = "reads the file that PERISTYLE_CATALOG_QUERIES names"]
async fn queries_of_a_file_run() {
    let file = std::env::var("PERISTYLE_CATALOG_QUERIES").expect("PERISTYLE_CATALOG_QUERIES names a file");
    let text = std::fs::read_to_string(file).expect("the file is read");
    let session = session(&super::fixture::context()).await;
    let mut failed = 0;
    for query in text.split('\0').map(str::trim).filter(|query| !query.is_empty()) {
        match run(&session, query).await {
            Ok(batches) => println!("{query}\n=> {:#?}\n", shown(&batches)),
            Err(error) => {
                failed += 1;
                println!("{query}\nFAILED {error}\n");
            }
        }
    }
    assert_eq!(failed, 0);
}

#[tokio::test]
async fn built_in_types_are_there() {
    let rows = query("SELECT oid, typname, typlen, typarray FROM pg_type WHERE typname = 'int4'").await;
    assert_eq!(rows, ["23|int4|4|1007"]);
}
