-- ## types of the driver
-- row: numeric|b|false
select ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
from (
  select typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind,
    elemtyp.oid as elemtypoid, elemtyp.typname as elemtypname, elemcls.relkind as elemrelkind,
    case when elemproc.proname = 'array_recv' then 'a' else elemtyp.typtype end as elemtyptype
  from (
    select t.oid, t.typnamespace, t.typname, t.typrelid, t.typnotnull, cls.relkind, t.typelem,
      case when proc.proname = 'array_recv' then 'a' else t.typtype end as typtype
    from pg_type t left join pg_class cls on cls.oid = t.typrelid left join pg_proc proc on proc.oid = t.typreceive
  ) as typ
  left join pg_type as elemtyp on elemtyp.oid = typ.typelem
  left join pg_class as elemcls on elemcls.oid = elemtyp.typrelid
  left join pg_proc as elemproc on elemproc.oid = elemtyp.typreceive
) as t join pg_namespace as ns on ns.oid = t.typnamespace
where t.typtype in ('b', 'r', 'm', 'e', 'd') or (t.typtype = 'c' and t.relkind = 'c') or (t.typtype = 'p' and t.typname in ('record', 'void', 'unknown'))
order by case when t.typtype in ('b', 'e', 'p') then 0 when t.typtype = 'r' then 1 else 2 end, t.oid;
select t.typname, t.typtype, t.typnotnull from pg_type t where t.typname = 'numeric';

-- ## enums of the driver
-- rows: 0
select pg_type.oid, enumlabel from pg_enum join pg_type on pg_type.oid = enumtypid order by oid, enumsortorder;

-- ## tables
-- row: tool_shop|orders|BASE TABLE
select table_schema, table_name, table_type from information_schema.tables where table_schema not in ('information_schema', 'pg_catalog') order by table_schema, table_name;

-- ## columns
-- row: amount|4|YES|numeric
select column_name, ordinal_position, is_nullable, case when (udt_schema is not null and udt_name is not null) then udt_name else data_type end as data_type from information_schema.columns where table_schema = 'tool_shop' and table_name = 'orders' order by table_schema, table_name, ordinal_position;

-- ## keys
-- row: customers_id|id|customers_pkey
select 'customers_' || kcu.column_name, kcu.column_name, tc.constraint_name from information_schema.table_constraints tc inner join information_schema.key_column_usage kcu on tc.constraint_schema = kcu.constraint_schema and tc.constraint_name = kcu.constraint_name and tc.table_schema = kcu.table_schema and tc.table_name = kcu.table_name where tc.constraint_type = 'PRIMARY KEY' and tc.table_schema = 'tool_shop' and tc.table_name = 'customers';

-- ## a folded query
-- row: Ada|20|630.00
select "rows"."name", count(1) as "n", sum("rows"."amount") as "a" from (select "$Outer"."amount", "$Inner"."name" from "tool_shop"."orders" as "$Outer" left outer join "tool_shop"."customers" as "$Inner" on ("$Outer"."customer" = "$Inner"."id" or "$Outer"."customer" is null and "$Inner"."id" is null)) "rows" group by "name";
