//! Queries of the kinds that clients send to describe what they see, over the fixture.

use super::harness::{query, run, session, shown};

/// Runs the queries of a file, separated by NUL bytes, and says which fail: for trying what a client really sends.
#[tokio::test]
#[ignore = "reads the file that PERISTYLE_CATALOG_QUERIES names"]
async fn queries_of_a_file_run() {
    let file = std::env::var("PERISTYLE_CATALOG_QUERIES").expect("PERISTYLE_CATALOG_QUERIES names a file");
    let text = std::fs::read_to_string(file).expect("the file is read");
    let session = session(&super::fixture::context()).await;
    let mut failed = 0;
    for query in text.split('\0').map(str::trim).filter(|query| !query.is_empty()) {
        match run(&session, query).await {
            Ok(batches) => println!("{query}\n=> {:#?}\n", shown(&batches)),
            Err(error) => {
                failed += 1;
                println!("{query}\nFAILED {error}\n");
            }
        }
    }
    assert_eq!(failed, 0);
}

#[tokio::test]
async fn databases_are_listed() {
    let text = r"SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
            d.datcollate, CASE d.datlocprovider WHEN 'c' THEN 'libc' END, pg_catalog.array_to_string(d.datacl, E'\n'),
            pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(d.datname)), t.spcname,
            pg_catalog.shobj_description(d.oid, 'pg_database')
        FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON d.dattablespace = t.oid ORDER BY 1";
    assert_eq!(query(text).await, ["peristyle|peristyle|UTF8|C|libc||20 kB|pg_default|the database"]);
}

#[tokio::test]
async fn schemas_are_listed() {
    let text = "SELECT n.nspname, pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace n
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1";
    assert_eq!(query(text).await, ["other|peristyle", "public|peristyle", "system|peristyle"]);
}

#[tokio::test]
async fn relations_on_the_path_are_listed() {
    let text = "SELECT n.nspname, c.relname, c.relkind, am.amname, pg_size_pretty(pg_table_size(c.oid)),
            obj_description(c.oid, 'pg_class')
        FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
        WHERE c.relkind IN ('r','v','i','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
            AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid)
        ORDER BY 1, 2";
    let expected = [
        "public|t|r|heap|20 kB|a table",
        "public|t_b_a|i|btree|0 bytes|",
        "public|t_pkey|i|btree|0 bytes|",
        "public|v|v||0 bytes|",
    ];
    assert_eq!(query(text).await, expected);
}

#[tokio::test]
async fn a_relation_is_found_by_a_pattern() {
    let text = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default
            AND pg_catalog.pg_table_is_visible(c.oid)";
    assert_eq!(query(text).await, ["16400|public|t"]);
}

#[tokio::test]
async fn a_relation_is_described() {
    let text = "SELECT c.relchecks, c.relhasindex, CASE WHEN c.reloftype = 0 THEN ''
                ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, am.amname, c.reloptions, c.reltuples
        FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
            LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid)
        WHERE c.oid = '16400'";
    assert_eq!(query(text).await, ["1|true||heap|[order_by=ts]|3.0"]);
}

/// Two subqueries in the list that depend on the row: one with a condition on the row alone, one with a comparison
/// that is no equality.
#[tokio::test]
async fn columns_are_described() {
    let text = "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
            (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
            a.attnotnull,
            (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t
                WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS collation,
            col_description(a.attrelid, a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = '16400' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let expected = [
        "a|integer||true||",
        "b|text|'x'::text|true||the text",
        "c|numeric(10,2)||false||",
        "ts|timestamp with time zone||false||",
        "tags|text[]||false||",
    ];
    assert_eq!(query(text).await, expected);
}

#[tokio::test]
async fn indexes_are_described() {
    let text = "SELECT c2.relname, i.indisprimary, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
            pg_catalog.pg_get_constraintdef(con.oid, true), contype, i.indkey, i.indclass
        FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i
            LEFT JOIN pg_catalog.pg_constraint con
                ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x'))
        WHERE c.oid = '16400' AND c.oid = i.indrelid AND i.indexrelid = c2.oid
        ORDER BY i.indisprimary DESC, c2.relname";
    let expected = [
        "t_pkey|true|CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a)|PRIMARY KEY (a) NOT VALID|p|[1]|[1978]",
        "t_b_a|false|CREATE INDEX t_b_a ON public.t USING btree (b, a)|||[2, 1]|[3126, 1978]",
    ];
    assert_eq!(query(text).await, expected);
}

#[tokio::test]
async fn an_index_tells_whether_its_constraint_can_be_deferred() {
    let text = "SELECT i.indisunique, (NOT i.indimmediate) AND EXISTS (SELECT 1 FROM pg_catalog.pg_constraint
            WHERE conrelid = i.indrelid AND conindid = i.indexrelid AND condeferrable), c2.relname
        FROM pg_catalog.pg_index i, pg_catalog.pg_class c, pg_catalog.pg_class c2
        WHERE i.indexrelid = c.oid AND c.oid = '16405' AND i.indrelid = c2.oid";
    assert_eq!(query(text).await, ["true|false|t"]);
}

#[tokio::test]
async fn constraints_are_described() {
    let text = "SELECT conname, contype, convalidated, conkey, conrelid::regclass::text, confrelid::regclass::text,
            pg_get_constraintdef(oid)
        FROM pg_constraint ORDER BY 1";
    let expected = [
        "Child_t_a_fkey|f|false|[1]|other.\"Child\"|t|FOREIGN KEY (t_a) REFERENCES t(a) NOT VALID",
        "t_c_check|c|true||t|-|CHECK ((c > 0))",
        "t_pkey|p|false|[1]|t|-|PRIMARY KEY (a) NOT VALID",
    ];
    assert_eq!(query(text).await, expected);
}

/// The catalogs that never have rows, with subqueries that could not be planned.
#[tokio::test]
async fn what_there_is_none_of_is_empty() {
    let policies = "SELECT pol.polname, CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(
                array(select rolname from pg_catalog.pg_roles where oid = any (pol.polroles) order by 1), ',') END
        FROM pg_catalog.pg_policy pol WHERE pol.polrelid = '16400' ORDER BY 1";
    let statistics =
        "SELECT oid, stxrelid::pg_catalog.regclass, stxnamespace::pg_catalog.regnamespace::pg_catalog.text,
            pg_catalog.pg_get_statisticsobjdef_columns(oid), 'd' = any(stxkind)
        FROM pg_catalog.pg_statistic_ext WHERE stxrelid = '16400' ORDER BY 3, stxname";
    let publications = "SELECT pubname, NULL FROM pg_catalog.pg_publication p
            JOIN pg_catalog.pg_publication_namespace pn ON p.oid = pn.pnpubid
            JOIN pg_catalog.pg_class pc ON pc.relnamespace = pn.pnnspid
            WHERE pc.oid = '16400' AND pg_catalog.pg_relation_is_publishable('16400')
        UNION SELECT pubname, (CASE WHEN pr.prattrs IS NOT NULL THEN (SELECT string_agg(attname, ', ')
                FROM pg_catalog.generate_series(0, pg_catalog.array_upper(pr.prattrs::pg_catalog.int2[], 1)) s,
                    pg_catalog.pg_attribute WHERE attrelid = pr.prrelid AND attnum = prattrs[s]) ELSE NULL END)
            FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel pr ON p.oid = pr.prpubid
            WHERE pr.prrelid = '16400'
        ORDER BY 1";
    let parents = "SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
        WHERE c.oid = i.inhparent AND i.inhrelid = '16400' AND c.relkind != 'p' ORDER BY inhseqno";
    for text in [policies, statistics, publications, parents] {
        assert!(query(text).await.is_empty(), "{text}");
    }
}

#[tokio::test]
async fn roles_are_listed_with_their_groups() {
    let text = "SELECT r.rolname, r.rolsuper, ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m
            JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid) WHERE m.member = r.oid) AS memberof
        FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1";
    assert_eq!(query(text).await, ["peristyle|true|[]"]);
}

/// A subquery over the elements of an outer row's array.
#[tokio::test]
async fn options_are_put_together_with_those_of_another_relation() {
    let text = "SELECT c.relname, pg_catalog.array_to_string(c.reloptions || array(
            select 'toast.' || x from pg_catalog.unnest(tc.reloptions) x), ', ')
        FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc ON (c.oid = tc.oid) WHERE c.oid = '16400'";
    assert_eq!(query(text).await, ["t|order_by=ts, toast.order_by=ts"]);
}

#[tokio::test]
async fn no_types_are_the_user_s_own() {
    let text = "SELECT n.nspname, pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid)
            AND n.nspname <> 'pg_catalog' AND pg_catalog.pg_type_is_visible(t.oid)
        ORDER BY 1, 2";
    assert!(query(text).await.is_empty());
}

#[tokio::test]
async fn functions_are_described() {
    let text = "SELECT p.proname, pg_catalog.pg_get_function_result(p.oid), pg_catalog.pg_get_function_arguments(p.oid)
        FROM pg_catalog.pg_proc p WHERE p.proname IN ('format_type', 'upper') AND pg_function_is_visible(p.oid)";
    assert_eq!(query(text).await, ["format_type|text|oid, integer"], "only what can be called");
}

#[tokio::test]
async fn views_show_their_text() {
    assert_eq!(
        query("SELECT pg_catalog.pg_get_viewdef('16420'::pg_catalog.oid, true)").await,
        [" SELECT a, b FROM t;"]
    );
    let text = "SELECT schemaname, viewname, viewowner, definition FROM pg_views";
    assert_eq!(query(text).await, ["public|v|peristyle| SELECT a, b FROM t;"]);
    let text =
        "SELECT refobjid::regclass::text, refobjsubid, deptype FROM pg_depend WHERE deptype <> 'e' ORDER BY 1, 2, 3";
    assert_eq!(query(text).await, ["t|1|n", "t|2|a", "t|2|n", "v|0|i"]);
}

#[tokio::test]
async fn the_servers_own_relations_belong_to_its_extension() {
    let text = "SELECT e.extname, c.relname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        JOIN pg_class c ON c.oid = d.objid WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass AND c.relname = 'chunks'";
    assert_eq!(query(text).await, ["peristyle|chunks"]);
}

#[tokio::test]
async fn names_are_read_and_shown() {
    let text = "SELECT 'v'::regclass::oid, to_regclass('nosuch'), 'other.\"Child\"'::regclass::text, 23::regtype::text,
            'character varying(10)[]'::regtype::oid, to_regtype('t'), 16401::regtype::text, 750::regproc::text";
    assert_eq!(query(text).await, ["16420||other.\"Child\"|integer|1015|16401|t|array_in"]);
}

#[tokio::test]
async fn a_name_of_nothing_is_an_error_with_its_state() {
    let session = session(&super::fixture::context()).await;
    for (text, code) in [
        ("SELECT 'nosuch'::regclass", "42P01"),
        ("SELECT 'nosuch'::regtype", "42704"),
        ("SELECT 'nosuch'::regnamespace", "3F000"),
        ("SELECT 'a b'::regclass", "42602"),
        ("SELECT has_table_privilege('nosuch', 'SELECT')", "42P01"),
        ("SELECT has_table_privilege('t', 'EAT')", "22023"),
        ("SELECT has_table_privilege('nobody', 't', 'SELECT')", "42704"),
        ("SELECT current_setting('no.such')", "42704"),
        ("SELECT pg_database_size('nosuch')", "3D000"),
    ] {
        let error = run(&session, text).await.expect_err(text);
        assert_eq!(state(&error), Some(code), "{text}: {error}");
    }
}

fn state(error: &datafusion::error::DataFusionError) -> Option<&'static str> {
    match error.find_root() {
        datafusion::error::DataFusionError::External(inner) => {
            inner.downcast_ref::<crate::SqlError>().map(|error| error.code.code())
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_session_says_who_and_where_it_is() {
    let text = "SELECT current_user, current_database(), current_schema(), current_schemas(true), pg_backend_pid(),
            has_schema_privilege('public', 'USAGE'), pg_is_in_recovery(), current_setting('no.such', true)";
    let expected = ["peristyle|peristyle|public|[pg_catalog, public]|7|true|false|"];
    assert_eq!(query(text).await, expected);
    assert_eq!(query("SELECT pg_cancel_backend(7), pg_cancel_backend(8)").await, ["true|false"]);
    assert_eq!(query("SELECT pg_sleep(0) IS NULL").await, ["true"]);
}

#[tokio::test]
async fn the_standard_s_views_describe_columns() {
    let text = "SELECT column_name, is_nullable, data_type, numeric_precision, numeric_scale, datetime_precision,
            character_octet_length, udt_name, column_default
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 't' ORDER BY ordinal_position";
    let expected = [
        "a|NO|integer|32|0|||int4|",
        "b|NO|text||||1073741824|text|'x'::text",
        "c|YES|numeric|10|2|||numeric|",
        "ts|YES|timestamp with time zone|||6||timestamptz|",
        "tags|YES|ARRAY|||||_text|",
    ];
    assert_eq!(query(text).await, expected);
}

#[tokio::test]
async fn the_standard_s_views_describe_keys() {
    let text = "SELECT constraint_name, constraint_type, enforced FROM information_schema.table_constraints ORDER BY 1";
    let expected = [
        "2200_16400_1_not_null|CHECK|YES",
        "2200_16400_2_not_null|CHECK|YES",
        "Child_t_a_fkey|FOREIGN KEY|NO",
        "t_c_check|CHECK|YES",
        "t_pkey|PRIMARY KEY|NO",
    ];
    assert_eq!(query(text).await, expected);
    let text = "SELECT constraint_name, unique_constraint_schema, unique_constraint_name
        FROM information_schema.referential_constraints";
    assert_eq!(query(text).await, ["Child_t_a_fkey|public|t_pkey"]);
}

#[tokio::test]
async fn every_relation_can_be_read() {
    let context = super::fixture::context();
    for relation in crate::relation::all() {
        let batch = relation.rows(&context.relations()).await.expect("rows are computed");
        assert_eq!(batch.num_columns(), relation.columns().len(), "{}", relation.name());
    }
}
