-- ## health
-- row: 1
select 1;

-- ## server version
-- row: 1500
select current_setting('server_version_num')::int / 100;

-- ## tables of the query builder
-- row: tool_shop.orders
select case when quote_ident(table_schema) in (select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i, string_to_array(current_setting('search_path'), ',') s) then quote_ident(table_name) else quote_ident(table_schema) || '.' || quote_ident(table_name) end as "table" from information_schema.tables where quote_ident(table_schema) not in ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog') order by 1;

-- ## columns of the query builder
-- row: placed|timestamp with time zone
select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns where quote_ident(table_name) = 'orders' and table_schema = 'tool_shop';

-- ## a time series
-- rows: 12
select floor(extract(epoch from placed) / 86400) * 86400 as "time", customer::text as metric, avg(amount) as value from tool_shop.orders where placed between '2024-03-01T00:00:00Z' and '2024-03-06T23:59:59Z' group by 1, 2 order by 1, 2;

-- ## a time series as timestamps
-- rows: 6
select to_timestamp(floor(extract(epoch from placed) / 86400) * 86400) as "time", sum(amount) from tool_shop.orders where placed >= to_timestamp(1709251200) and placed < '2024-03-07' group by 1 order by 1;
