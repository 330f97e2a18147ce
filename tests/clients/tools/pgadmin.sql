-- ## connect
-- row: peristyle|true
set datestyle = iso;
set client_min_messages = notice;
set bytea_output = 'hex';
set client_encoding = 'utf8';
select version();
select rolname, rolsuper from pg_catalog.pg_roles where rolname = current_user;

-- ## database
-- row: peristyle|UTF8|true
select db.datname, pg_catalog.pg_encoding_to_char(db.encoding), pg_catalog.has_database_privilege(db.oid, 'CREATE') from pg_catalog.pg_database db where db.datname = current_database();

-- ## tree of a schema
-- row: orders|r
select rel.relname as name, rel.relkind from pg_catalog.pg_class rel where rel.relkind in ('r', 's', 't', 'p') and rel.relnamespace = {schema}::oid and not rel.relispartition order by rel.relname;

-- ## counts of a table's parts
-- row: orders|0|0
select rel.relname,
  (select count(*) from pg_catalog.pg_trigger where tgrelid = rel.oid and tgisinternal = false) as triggercount,
  (select count(*) from pg_catalog.pg_inherits where inhparent = rel.oid) as partitions
from pg_catalog.pg_class rel where rel.oid = {orders}::oid;

-- ## column defaults
-- row: id|nextval('tool_shop.customers_id_seq'::regclass)|true
select att.attname, pg_catalog.pg_get_expr(def.adbin, def.adrelid) as defval, att.attnotnull
from pg_catalog.pg_attribute att left outer join pg_catalog.pg_attrdef def on adrelid = att.attrelid and adnum = att.attnum
where att.attrelid = {customers}::oid and att.attnum > 0 and not att.attisdropped order by att.attnum;

-- ## identity
-- row: id|d
select attname, attidentity from pg_catalog.pg_attribute where attrelid = {orders}::oid and attnum > 0;

-- ## primary key
-- row: customers_pkey|id
select con.conname, att.attname from pg_catalog.pg_constraint con
cross join lateral unnest(con.conkey) with ordinality as k(attnum, place)
join pg_catalog.pg_attribute att on att.attrelid = con.conrelid and att.attnum = k.attnum
where con.conrelid = {customers}::oid and con.contype = 'p' order by k.place;

-- ## dashboard
-- row: peristyle
select pid, datname, usename, application_name, backend_start, state, query from pg_catalog.pg_stat_activity where datname = current_database() order by pid;
select datname from pg_catalog.pg_stat_database where datname = current_database();
