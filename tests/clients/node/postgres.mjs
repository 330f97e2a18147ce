// Postgres.js: tagged templates, arrays, transactions, cursors, COPY, types asked of the catalog, errors.
import assert from "node:assert/strict";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import postgres from "postgres";
import { place, table } from "./client.mjs";

const sql = postgres({ ...place, max: 2, onnotice: () => {} });
await sql`create table ${sql(table)} (n int, s text, at timestamptz, j jsonb, a int[], ok bool)`;
const at = new Date("2026-01-02T03:04:05.678Z");
const row = { n: 1, s: "é'", at, j: { k: [1, null] }, a: [1, 2], ok: true };
const [inserted] = await sql`insert into ${sql(table)} ${sql(row)} returning *`;
assert.deepEqual({ ...inserted }, row);
await sql`insert into ${sql(table)} ${sql([{ n: 2, s: "two" }, { n: 3, s: null }], "n", "s")}`;
assert.equal((await sql`select n from ${sql(table)} where n in ${sql([2, 3])}`).length, 2);
assert.equal((await sql`select n from ${sql(table)} where n = any(${[1, 3]}::int[])`).count, 2);

await assert.rejects(sql.begin(async (inner) => {
  await inner`delete from ${inner(table)}`;
  await inner.savepoint((deeper) => deeper`select 1 / 0`);
}), { code: "22012" });
assert.equal((await sql`select count(*)::int as n from ${sql(table)}`)[0].n, 3);

const sizes = [];
for await (const rows of sql`select n from generate_series(1, 25) as t(n)`.cursor(10)) sizes.push(rows.length);
assert.deepEqual(sizes, [10, 10, 5]);

await pipeline(Readable.from(["4\tfour\n"]), await sql`copy ${sql(table)} (n, s) from stdin`.writable());
let text = "";
for await (const piece of await sql`copy (select s from ${sql(table)} where n = 4) to stdout`.readable()) text += piece;
assert.equal(text, "four\n");

const described = await sql`select n, s from ${sql(table)} where n = ${1}`.describe();
assert.deepEqual(described.columns.map((column) => column.type), [23, 25]);
assert.deepEqual(described.types, [23]);
await assert.rejects(sql`select * from nosuch`, { code: "42P01" });
await sql.end();
console.log("done");
