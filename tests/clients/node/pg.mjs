// node-postgres: pool, parameters, prepared statements, cursors, COPY, notifications, errors.
import assert from "node:assert/strict";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import pg from "pg";
import Cursor from "pg-cursor";
import copy from "pg-copy-streams";
import { place, table } from "./client.mjs";

const pool = new pg.Pool({ ...place, max: 3 });
await pool.query(`create table ${table} (n int, s text, d numeric(10,2), at timestamptz, j jsonb, a int[], b bytea)`);
const at = new Date("2026-01-02T03:04:05.678Z");
const inserted = await pool.query(`insert into ${table} values ($1, $2, $3, $4, $5, $6, $7) returning *`,
  [1, "é'", "12.30", at, { k: [1, null] }, [1, 2], Buffer.from([0, 255])]);
assert.deepEqual({ ...inserted.rows[0] },
  { n: 1, s: "é'", d: "12.30", at, j: { k: [1, null] }, a: [1, 2], b: Buffer.from([0, 255]) });
assert.equal(inserted.command, "INSERT");

const client = await pool.connect();
const rows = [];
for (const n of [1, 2]) {
  const found = await client.query({ name: "by number", text: `select n, s from ${table} where n = $1`, values: [n] });
  rows.push(found.rowCount);
}
assert.deepEqual(rows, [1, 0]);

await client.query("begin");
await client.query(`delete from ${table}`);
await client.query("rollback");
assert.equal((await client.query(`select count(*)::int as n from ${table}`)).rows[0].n, 1);

const cursor = client.query(new Cursor("select n from generate_series(1, 100) as t(n) order by n"));
assert.deepEqual((await cursor.read(3)).map((row) => row.n), [1, 2, 3]);
assert.deepEqual((await cursor.read(2)).map((row) => row.n), [4, 5]);
await cursor.close();

await pipeline(Readable.from(["2,two\n", "3,\n"]), client.query(copy.from(`copy ${table} (n, s) from stdin (format csv)`)));
let text = "";
for await (const piece of client.query(copy.to(`copy (select n, s from ${table} order by n) to stdout`))) text += piece;
assert.equal(text, "1\té'\n2\ttwo\n3\t\\N\n");

await client.query("listen news");
const heard = once(client, "notification");
await pool.query("notify news, 'hello'");
assert.equal((await heard)[0].payload, "hello");

await assert.rejects(client.query("select nosuch"), (error) => error.code === "42703" && error.position === "8");
const several = await client.query("select 1 as a; select 2 as b");
assert.deepEqual(several.map((result) => result.fields[0].name), ["a", "b"]);
client.release();
await pool.end();
console.log("done");
