//! `information_schema.columns`.

use peristyle_catalog::model::{ColumnRule, PgType, Relation, SequenceRule, TypeKind};

use super::listed::{ListedColumn, listed};
use super::yes_or_no;
use crate::pg_catalog::built_in_types::by_oid;
use crate::pg_catalog::type_names::format_type;
use crate::relation::{RelationContext, Rows, Value};

/// Bytes of a text without a limit.
const OCTETS_MAX: i64 = 1 << 30;
/// Bytes that a UTF-8 character may take.
const OCTETS_PER_CHARACTER: i64 = 4;
/// Digits of a second that timestamps keep without a modifier.
const SECOND_DIGITS: i64 = 6;
/// Oid of the collation `C`, which `name` has.
const C_COLLATION: u32 = 950;

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(COLUMNS);
    let database = || Value::from(&context.database.name);
    for table in listed(context) {
        for column in &table.columns {
            let number = numeric(column.ty);
            let has_c_collation = by_oid(column.ty.oid).is_some_and(|ty| ty.collation == C_COLLATION);
            let [udt_schema, udt_name] = underlying(context, column.ty);
            let identity = Identity::of(context, column);
            let is_generated = column.column.is_some_and(|column| column.rule == ColumnRule::Generated);
            let default = column.default.clone().map(Value::text_of);
            rows.push([
                database(),
                table.schema.into(),
                table.name.into(),
                column.name.into(),
                column.number.into(),
                default.clone().filter(|_| !is_generated).into(),
                yes_or_no(!column.not_null).into(),
                data_type(context, column.ty).into(),
                column.ty.character_limit().or(column.ty.bit_limit()).filter(|_| !column.ty.is_array()).into(),
                octets(column.ty).into(),
                number.precision.into(),
                number.radix.into(),
                number.scale.into(),
                datetime_precision(column.ty).into(),
                has_c_collation.then_some(&context.database.name).into(),
                has_c_collation.then_some("pg_catalog").into(),
                has_c_collation.then_some("C").into(),
                database(),
                udt_schema,
                udt_name,
                column.number.to_string().into(),
                "NO".into(),
                yes_or_no(identity.generation.is_some()).into(),
                identity.generation.into(),
                identity.number(|rule| rule.start),
                identity.number(|rule| rule.increment),
                identity.number(|rule| rule.max),
                identity.number(|rule| rule.min),
                yes_or_no(identity.rule.is_some_and(|rule| rule.cycle)).into(),
                if is_generated { "ALWAYS" } else { "NEVER" }.into(),
                default.filter(|_| is_generated).into(),
                yes_or_no(table.is_users && !table.is_view).into(),
            ]);
        }
    }
}

/// The type's name in the standard's words.
pub(super) fn data_type(context: &RelationContext<'_>, ty: PgType) -> String {
    match ty {
        _ if ty.is_array() => "ARRAY".to_owned(),
        _ if by_oid(ty.oid).is_none() => "USER-DEFINED".to_owned(),
        _ => format_type(context, ty.oid, None),
    }
}

/// Schema and `typname` of a type.
pub(super) fn underlying<'a>(context: &RelationContext<'a>, ty: PgType) -> [Value<'a>; 2] {
    use crate::pg_catalog::names::{relation_of_type, schema_name};
    use crate::pg_catalog::pg_type::array_name;
    if let Some(built_in) = by_oid(ty.oid) {
        return ["pg_catalog".into(), built_in.name.into()];
    }
    match relation_of_type(context, peristyle_catalog::model::Oid(ty.oid)) {
        Some((relation, is_array)) => {
            let name = if is_array { array_name(&relation.name) } else { relation.name.clone() };
            [schema_name(context, relation.schema).into(), Value::text_of(name)]
        }
        None => [Value::Null, Value::Null],
    }
}

/// What `GENERATED … AS IDENTITY` says of a column.
#[derive(Default)]
struct Identity<'a> {
    generation: Option<&'static str>,
    rule: Option<&'a SequenceRule>,
}

impl<'a> Identity<'a> {
    fn of(context: &RelationContext<'a>, column: &ListedColumn<'a>) -> Identity<'a> {
        match column.column.map(|column| column.rule) {
            Some(ColumnRule::Identity { sequence, is_always }) => Identity {
                generation: Some(if is_always { "ALWAYS" } else { "BY DEFAULT" }),
                rule: context.head.relation(sequence).and_then(Relation::as_sequence).map(|sequence| &sequence.rule),
            },
            Some(ColumnRule::Plain | ColumnRule::Generated) | None => Identity::default(),
        }
    }

    fn number(&self, of: fn(&SequenceRule) -> i64) -> Value<'a> {
        self.rule.map(|rule| of(rule).to_string()).into()
    }
}

fn octets(ty: PgType) -> Option<i64> {
    let is_text = matches!(ty.kind(), Some(TypeKind::Text | TypeKind::Varchar | TypeKind::Bpchar)) && !ty.is_array();
    let limit = ty.character_limit().map(|limit| limit as i64 * OCTETS_PER_CHARACTER);
    is_text.then(|| limit.unwrap_or(OCTETS_MAX))
}

#[derive(Default)]
struct Numeric {
    precision: Option<i64>,
    radix: Option<i64>,
    scale: Option<i64>,
}

fn numeric(ty: PgType) -> Numeric {
    let bits = |bits, scale| Numeric { precision: Some(bits), radix: Some(2), scale };
    match ty.kind().filter(|_| !ty.is_array()) {
        Some(TypeKind::Int2) => bits(16, Some(0)),
        Some(TypeKind::Int4) => bits(32, Some(0)),
        Some(TypeKind::Int8) => bits(64, Some(0)),
        Some(TypeKind::Float4) => bits(24, None),
        Some(TypeKind::Float8) => bits(53, None),
        Some(TypeKind::Numeric) => {
            let declared = ty.numeric_precision_scale();
            let (precision, scale) = (declared.map(|d| i64::from(d.0)), declared.map(|d| i64::from(d.1)));
            Numeric { precision, radix: Some(10), scale }
        }
        _ => Numeric::default(),
    }
}

fn datetime_precision(ty: PgType) -> Option<i64> {
    /// The part of an interval's modifier that is not the precision, and the mark of none.
    const PRECISION_MASK: i32 = 0xffff;
    match ty.kind().filter(|_| !ty.is_array())? {
        TypeKind::Date => Some(0),
        TypeKind::Time | TypeKind::Timetz | TypeKind::Timestamp | TypeKind::Timestamptz => {
            Some(if ty.typmod < 0 { SECOND_DIGITS } else { i64::from(ty.typmod) })
        }
        TypeKind::Interval => match ty.typmod & PRECISION_MASK {
            PRECISION_MASK => Some(SECOND_DIGITS),
            precision => Some(i64::from(precision)),
        },
        _ => None,
    }
}

/// The order of the values in [`fill`]; the other columns are always NULL.
const COLUMNS: [&str; 32] = [
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position",
    "column_default",
    "is_nullable",
    "data_type",
    "character_maximum_length",
    "character_octet_length",
    "numeric_precision",
    "numeric_precision_radix",
    "numeric_scale",
    "datetime_precision",
    "collation_catalog",
    "collation_schema",
    "collation_name",
    "udt_catalog",
    "udt_schema",
    "udt_name",
    "dtd_identifier",
    "is_self_referencing",
    "is_identity",
    "identity_generation",
    "identity_start",
    "identity_increment",
    "identity_maximum",
    "identity_minimum",
    "identity_cycle",
    "is_generated",
    "generation_expression",
    "is_updatable",
];
