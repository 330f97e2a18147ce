-- ## connect
-- row: *|peristyle
set application_name = 'DataGrip';
select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) as startup_time;
select current_database() as a, current_user as b;
select version(), current_user;

-- ## namespaces
-- row: tool_shop|peristyle
select n.nspname, pg_catalog.pg_get_userbyid(n.nspowner) from pg_catalog.pg_namespace n order by case when n.nspname = current_schema() then -1::bigint else n.oid::bigint end;

-- ## relations with what they inherit from
-- row: orders|r|
select t.relname, t.relkind,
  (select pg_catalog.array_agg(i.inhparent::bigint order by i.inhseqno)::varchar from pg_catalog.pg_inherits i where t.oid = i.inhrelid) as ancestors
from pg_catalog.pg_class t where t.relnamespace = {schema}::oid and t.relkind in ('r', 'v', 'm', 'f', 'p') order by t.relname;

-- ## sequences
-- row: customers_id_seq|1|1|2147483647
select c.relname, s.seqstart, s.seqincrement, s.seqmax from pg_catalog.pg_sequence s join pg_catalog.pg_class c on c.oid = s.seqrelid where c.relnamespace = {schema}::oid order by c.relname;

-- ## view sources
-- rows: 1
select pg_catalog.pg_get_viewdef(t.oid, true) from pg_catalog.pg_class t where t.relkind in ('v', 'm') and t.relnamespace = {schema}::oid;

-- ## row types of composite columns
-- rows: 0
select t.typname from pg_catalog.pg_type t where t.typtype = 'c' and t.typnamespace = {schema}::oid and t.typrelid not in (select oid from pg_catalog.pg_class);
