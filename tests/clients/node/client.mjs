// What the scripts share: where the server is, a table of their own, and an exit status that says what failed.
export const [port, user, database, table] = process.argv.slice(2);
export const place = { host: "127.0.0.1", port: Number(port), user, database };
