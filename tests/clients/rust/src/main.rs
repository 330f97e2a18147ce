//! `rust-clients CLIENT PORT USER DATABASE TABLE`: drives a server with one of Rust's drivers, and prints `done` at the end.

mod sqlx_client;
mod tokio_postgres_client;

use std::error::Error;

/// Where the server is, and a name for a table of the test's own.
pub struct Place {
    pub port: u16,
    pub user: String,
    pub database: String,
    pub table: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, port, user, database, table] = arguments.as_slice() else {
        return Err("usage: rust-clients CLIENT PORT USER DATABASE TABLE".into());
    };
    let place = Place { port: port.parse()?, user: user.clone(), database: database.clone(), table: table.clone() };
    match client.as_str() {
        "sqlx" => sqlx_client::run(&place).await?,
        "tokio-postgres" => tokio_postgres_client::run(&place).await?,
        other => return Err(format!("no client {other}").into()),
    }
    println!("done");
    Ok(())
}
