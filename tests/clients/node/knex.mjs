// Knex: its schema builder, queries, transactions, streams.
import assert from "node:assert/strict";
import knex from "knex";
import { place, table } from "./client.mjs";

const db = knex({ client: "pg", connection: place });
assert.equal(await db.schema.hasTable(table), false);
await db.schema.createTable(table, (made) => {
  made.integer("id").primary();
  made.string("name", 20).notNullable().defaultTo("none");
  made.decimal("price", 10, 2);
  made.timestamp("at").defaultTo(db.fn.now());
  made.jsonb("extra");
});
assert.equal(await db.schema.hasColumn(table, "price"), true);
await db.schema.alterTable(table, (changed) => changed.text("note"));
await db(table).insert([{ id: 1, name: "one", price: "1.50", extra: { k: 1 } }, { id: 2, name: "two", price: 2 }]);
const returned = await db(table).insert({ id: 3 }).returning(["id", "name"]);
assert.deepEqual(returned, [{ id: 3, name: "none" }]);
assert.equal(await db(table).where("id", ">", 1).update({ note: "changed" }), 2);
assert.deepEqual(await db(table).select("name").whereIn("id", [1, 2]).orderBy("id"), [{ name: "one" }, { name: "two" }]);
assert.deepEqual(await db(table).sum("price as total").first(), { total: "3.50" });
assert.deepEqual(await db(table).whereRaw("extra ->> 'k' = ?", ["1"]).pluck("id"), [1]);

await assert.rejects(db.transaction(async (inner) => {
  await inner(table).del();
  throw new Error("not this");
}), /not this/);
assert.equal((await db(table).count("* as n").first()).n, "3");

const seen = [];
for await (const row of db(table).select("id").orderBy("id").stream()) seen.push(row.id);
assert.deepEqual(seen, [1, 2, 3]);
const info = await db(table).columnInfo();
assert.equal(info.name.type, "character varying");
assert.equal(info.name.maxLength, 20);
await db.schema.dropTable(table);
await db.destroy();
console.log("done");
