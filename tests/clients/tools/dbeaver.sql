-- ## connect
-- row: PostgreSQL|*
set extra_float_digits = 3;
set application_name = 'DBeaver - Main';
select current_schema(), session_user;
select 'PostgreSQL', version();

-- ## databases
-- row: peristyle|true
select db.oid, db.datname, db.datallowconn from pg_catalog.pg_database db where not db.datistemplate and db.datallowconn order by db.datname;
select db.datname, db.datallowconn from pg_catalog.pg_database db where db.datname = current_database();

-- ## schemas
-- row: tool_shop|*|
select n.nspname, n.oid, d.description from pg_catalog.pg_namespace n left outer join pg_catalog.pg_description d on d.objoid = n.oid and d.objsubid = 0 and d.classoid = 'pg_namespace'::regclass order by nspname;

-- ## data types
-- row: numeric|b|
select t.typname, t.typtype, c.relkind from pg_catalog.pg_type t left outer join pg_catalog.pg_class c on c.oid = t.typrelid left outer join pg_catalog.pg_description d on t.oid = d.objoid where typnamespace = 11 order by t.oid;

-- ## tables of a schema
-- row: customers|r|
-- row: orders|r|what was bought
-- row: totals|v|
select c.relname, c.relkind, d.description from pg_catalog.pg_class c left outer join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass where c.relnamespace = {schema} and c.relkind not in ('i', 'I', 'c', 'S');

-- ## columns of a table
-- row: 4|amount|numeric|655366|false||in euros
select a.attnum, a.attname, t.typname, a.atttypmod, a.attnotnull, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value, dsc.description
from pg_catalog.pg_attribute a
inner join pg_catalog.pg_class c on (a.attrelid = c.oid)
inner join pg_catalog.pg_type t on t.oid = a.atttypid
left outer join pg_catalog.pg_attrdef ad on (a.attrelid = ad.adrelid and a.attnum = ad.adnum)
left outer join pg_catalog.pg_description dsc on (c.oid = dsc.objoid and a.attnum = dsc.objsubid)
where not a.attisdropped and c.oid = {orders} and a.attnum > 0 order by a.attnum;

-- ## constraints
-- row: orders_customer_fkey|f|customers
select c.conname, c.contype, rt.relname from pg_catalog.pg_constraint c
inner join pg_catalog.pg_class t on t.oid = c.conrelid left outer join pg_catalog.pg_class rt on rt.oid = c.confrelid
where c.conrelid = {orders} order by c.oid;

-- ## indexes
-- row: orders_placed|false|btree
select i.relname, x.indisunique, am.amname from pg_catalog.pg_index x inner join pg_catalog.pg_class i on i.oid = x.indexrelid
left outer join pg_catalog.pg_am am on am.oid = i.relam where x.indrelid = {orders} order by i.relname;

-- ## sequences
-- row: customers_id_seq|1|1
select c.relname, s.seqstart, s.seqincrement from pg_catalog.pg_class c inner join pg_catalog.pg_sequence s on s.seqrelid = c.oid where c.relkind = 'S' and c.relnamespace = {schema};

-- ## sizes
-- rows: 1
select pg_catalog.pg_total_relation_size({orders}), pg_catalog.pg_relation_size({orders});
