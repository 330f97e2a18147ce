-- ## connect
-- row: 1
select 1;

-- ## schemas
-- row: tool_shop
select nspname from pg_catalog.pg_namespace where nspname not like 'pg\_%' order by nspname;

-- ## tables and views
-- row: totals
select pg_catalog.pg_class.relname from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace where pg_catalog.pg_class.relkind = any (array['v', 'm']) and pg_catalog.pg_class.relpersistence != 't' and pg_catalog.pg_namespace.nspname = 'tool_shop';

-- ## a chart by week
-- row: 2024-03-04 00:00:00+00:00|*
select date_trunc('week', placed) as __timestamp, sum(amount) as "SUM(amount)" from tool_shop.orders where placed >= to_timestamp('2024-03-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') and placed < to_timestamp('2024-03-31 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') group by date_trunc('week', placed) order by "SUM(amount)" desc limit 10000;

-- ## time grains
-- row: 2024-03-01 00:00:00+00:00
select date_trunc('second', placed), date_trunc('minute', placed), date_trunc('minute', placed) - (extract(minute from placed)::int % 5) * interval '1 minute', date_trunc('hour', placed), date_trunc('day', placed), date_trunc('quarter', placed), date_trunc('year', placed) from tool_shop.orders limit 1;
select distinct date_trunc('month', placed) from tool_shop.orders;

-- ## estimates of a query
-- rows: 1
explain (format json) select count(*) from tool_shop.orders;

-- ## a virtual dataset
-- row: a|40
select unnest as tag, count(*) from (select unnest(tags) from tool_shop.orders) as virtual_table group by 1 order by 1;
