-- ## connect
-- row: 1
set session characteristics as transaction read only;
set session timezone to 'UTC';
select 1;

-- ## schemas with tables
-- row: tool_shop
select distinct n.nspname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'f', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1;

-- ## fields
-- row: tool_shop|orders|amount|numeric|3|in euros
select c.table_schema, c.table_name, c.column_name, c.udt_name, c.ordinal_position - 1 as position, pg_catalog.col_description(format('%I.%I', c.table_schema, c.table_name)::regclass::oid, c.ordinal_position) as remarks
from information_schema.columns c where c.table_schema !~ '^information_schema|catalog_history|pg_' and c.table_schema = 'tool_shop' order by c.table_schema, c.table_name, c.ordinal_position;

-- ## foreign keys
-- row: orders|customer|customers|id
select ft.relname, fa.attname, pt.relname, pa.attname from pg_catalog.pg_constraint c
join pg_catalog.pg_class ft on ft.oid = c.conrelid join pg_catalog.pg_class pt on pt.oid = c.confrelid
join pg_catalog.pg_attribute fa on fa.attrelid = c.conrelid and fa.attnum = any(c.conkey)
join pg_catalog.pg_attribute pa on pa.attrelid = c.confrelid and pa.attnum = any(c.confkey)
where c.contype = 'f' and c.conrelid = {orders};

-- ## a question by month
-- row: 2024-03-01 00:00:00+00:00|40
select date_trunc('month', "tool_shop"."orders"."placed") as "placed", count(*) as "count" from "tool_shop"."orders" group by date_trunc('month', "tool_shop"."orders"."placed") order by 1 asc;

-- ## fingerprints
-- row: 2|2
select count(distinct "tool_shop"."customers"."name"), count("tool_shop"."customers"."since") from "tool_shop"."customers";
