//! A pass over the parse tree of a statement that reads the catalogs: says in a way that the planner takes what
//! PostgreSQL's clients say in ways of their own. It never touches text, and changes no meaning.
//!
//! Names: `pg_catalog.f(…)`, `OPERATOR(pg_catalog.~)`, `COLLATE pg_catalog.default`, `x::pg_catalog.text`,
//! `x::regclass`, `x.tableoid`. Shapes: see [`subqueries`].

mod join_conditions;
mod options;
mod recursive;
mod scope;
mod set_order;
mod sets;
mod subqueries;
mod system_columns;

use std::ops::ControlFlow;

use sqlparser::ast::{
    Array, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Statement, TableFactor, Value, VisitMut, VisitorMut,
};

use peristyle_catalog::model::{PgType, TypeKind};

pub(crate) use sets::{columns_of_rows, value_column};

use super::functions::XID_AGE;
use crate::functions::collation::COLLATED;
use crate::functions::type_of::TYPE_OF;
use crate::relation::declarations;

/// Schemas whose functions are found without them.
const FUNCTION_SCHEMAS: [&str; 2] = ["pg_catalog", "information_schema"];
/// Types whose values are oids shown as names.
const REGISTERED: [&str; 6] = ["regclass", "regtype", "regnamespace", "regrole", "regproc", "regprocedure"];

/// Rewrites a statement in place.
pub fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Names);
    system_columns::normalise(statement);
    set_order::normalise(statement);
    subqueries::normalise(statement);
    join_conditions::normalise(statement);
    sets::normalise(statement);
}

/// Names of functions, operators, collations and types.
struct Names;

impl VisitorMut for Names {
    type Break = std::convert::Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Function(function) => {
                unqualify(&mut function.name);
                name_age(function);
            }
            Expr::BinaryOp { op, .. } => name_operator(op),
            Expr::Cast { data_type, .. } => {
                unqualify_type(data_type);
                rewrite_cast(expr);
            }
            _ => {}
        }
        drop_collation(expr);
        type_array_literal(expr);
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => unqualify(name),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Cuts the schema off a built-in function's name.
fn unqualify(name: &mut ObjectName) {
    if let [ObjectNamePart::Identifier(schema), _] = name.0.as_slice()
        && FUNCTION_SCHEMAS.contains(&folded(schema).as_str())
    {
        name.0.remove(0);
    }
}

/// `age` of a transaction's number is another function than that of a time.
fn name_age(function: &mut Function) {
    let FunctionArguments::List(list) = &function.args else { return };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else { return };
    if is_called(function, "age") && last_name(argument).is_some_and(|name| is_transaction(&name)) {
        function.name = ObjectName::from(vec![Ident::new(XID_AGE)]);
    }
}

fn is_called(function: &Function, name: &str) -> bool {
    function.name.0.last().and_then(ObjectNamePart::as_ident).map(folded).as_deref() == Some(name)
}

/// Whether a name is a transaction's number wherever the catalogs have a column of that name.
fn is_transaction(name: &str) -> bool {
    name == "xmin" || is_column(name, |ty| ty.oid == TypeKind::Xid.oid())
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn name_operator(op: &mut BinaryOperator) {
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else { return };
    let [schema, symbol] = parts.as_slice() else { return };
    if schema != "pg_catalog" {
        return;
    }
    let plain = match symbol.as_str() {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        ">" => BinaryOperator::Gt,
        "<=" => BinaryOperator::LtEq,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "||" => BinaryOperator::StringConcat,
        _ => return,
    };
    *op = plain;
}

/// Every text is ordered and equal by its bytes, so these collations change nothing; but what is no text has none.
fn drop_collation(expr: &mut Expr) {
    let Expr::Collate { expr: inner, collation } = expr else { return };
    let name = collation.0.last().and_then(ObjectNamePart::as_ident).map(folded);
    if matches!(name.as_deref(), Some("default" | "C" | "POSIX" | "ucs_basic")) {
        let is_string =
            matches!(inner.as_ref(), Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
        let inner = std::mem::replace(inner.as_mut(), null());
        *expr = if is_string { inner } else { call(COLLATED, vec![inner]) };
    }
}

/// `pg_catalog.text` is `text`, and so on.
fn unqualify_type(ty: &mut DataType) {
    match ty {
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            unqualify(name);
            if let Some(plain) = name.0.first().and_then(ObjectNamePart::as_ident).and_then(plain_type) {
                *ty = plain;
            }
        }
        DataType::Array(sqlparser::ast::ArrayElemTypeDef::SquareBracket(element, _)) => unqualify_type(element),
        _ => {}
    }
}

fn plain_type(name: &Ident) -> Option<DataType> {
    Some(match folded(name).as_str() {
        "text" => DataType::Text,
        "bool" => DataType::Boolean,
        "int2" => DataType::SmallInt(None),
        "int4" => DataType::Integer(None),
        "int8" => DataType::BigInt(None),
        "float4" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "regclass" => DataType::Regclass,
        _ => return None,
    })
}

/// `x::regclass` reads a name, `x::regclass::text` shows it.
fn rewrite_cast(expr: &mut Expr) {
    let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } = expr else { return };
    if let Some(kind) = registered(data_type) {
        *expr = call(&format!("{kind}_in"), vec![std::mem::replace(inner.as_mut(), null())]);
        return;
    }
    if !matches!(data_type, DataType::Text | DataType::Varchar(None)) {
        return;
    }
    let is_kind =
        |name: &str, kind: &str| name == format!("{kind}_in") || name == format!("to_{kind}") || is_type_of(name, kind);
    let gives = |kind: &str| called(inner).is_some_and(|name| is_kind(&name, kind));
    let shown = REGISTERED.iter().find(|kind| gives(kind));
    if let Some(kind) = shown {
        *expr = call(&format!("{kind}_out"), vec![std::mem::replace(inner.as_mut(), null())]);
    }
}

fn is_type_of(function: &str, kind: &str) -> bool {
    function == TYPE_OF && kind == "regtype"
}

fn registered(ty: &DataType) -> Option<String> {
    let name = match ty {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, _) => name.0.last().and_then(ObjectNamePart::as_ident).map(folded)?,
        _ => return None,
    };
    REGISTERED.contains(&name.as_str()).then_some(name)
}

/// `polroles = '{0}'`: the literal beside an array column of the catalogs is an array.
fn type_array_literal(expr: &mut Expr) {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } = expr else { return };
    if !last_name(left).is_some_and(|name| is_array_column(&name)) {
        return;
    }
    let Expr::Value(value) = right.as_ref() else { return };
    let Value::SingleQuotedString(text) = &value.value else { return };
    let Some(items) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return };
    let elem = items.split(',').filter(|item| !item.is_empty()).map(element).collect();
    **right = Expr::Array(Array { elem, named: true });
}

fn element(item: &str) -> Expr {
    let is_number = item.bytes().all(|b| b.is_ascii_digit());
    let value = if is_number {
        Value::Number(item.to_owned(), false)
    } else {
        Value::SingleQuotedString(item.trim_matches('"').to_owned())
    };
    Expr::Value(value.into())
}

/// Whether a name is an array column wherever the catalogs have a column of that name.
fn is_array_column(name: &str) -> bool {
    is_column(name, PgType::is_array)
}

fn is_column(name: &str, is_of: impl Fn(PgType) -> bool) -> bool {
    let mut columns = declarations().iter().flat_map(|d| &d.columns).filter(|column| column.0 == name).peekable();
    columns.peek().is_some() && columns.all(|column| is_of(column.1))
}

/// The column name of a plain column reference.
fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(folded(name)),
        Expr::CompoundIdentifier(names) => names.last().map(folded),
        _ => None,
    }
}

/// An identifier as it is looked up.
fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// The name of the function that an expression calls.
fn called(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => function.name.0.last().and_then(ObjectNamePart::as_ident).map(folded),
        _ => None,
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

fn number(value: u32) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).into())
}

fn cast_to_bigint(expr: Expr) -> Expr {
    let data_type = DataType::BigInt(None);
    Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(expr), data_type, array: false, format: None }
}

/// `name(arguments)`.
fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn normalised(text: &str) -> String {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, text).expect("it parses");
        normalise(&mut statements[0]);
        statements[0].to_string()
    }

    #[test]
    fn names_lose_what_says_nothing() {
        assert_eq!(normalised("SELECT pg_catalog.lower(x)"), "SELECT lower(x)");
        assert_eq!(normalised("SELECT a OPERATOR(pg_catalog.~) 'b' COLLATE pg_catalog.default"), "SELECT a ~ 'b'");
        assert_eq!(normalised("SELECT x::pg_catalog.text"), "SELECT x::TEXT");
        assert_eq!(normalised("SELECT x COLLATE \"de_DE\""), "SELECT x COLLATE \"de_DE\"");
        assert_eq!(normalised("SELECT mine.f(x)"), "SELECT mine.f(x)");
    }

    #[test]
    fn registered_names_are_read_and_shown() {
        assert_eq!(normalised("SELECT 'x'::regclass"), "SELECT regclass_in('x')");
        assert_eq!(normalised("SELECT o::regtype::text"), "SELECT regtype_out(regtype_in(o))");
        assert_eq!(normalised("SELECT to_regclass(x)::text"), "SELECT regclass_out(to_regclass(x))");
    }

    #[test]
    fn a_catalog_s_table_oid_is_its_own() {
        let text = "SELECT c.tableoid, tableoid AS t FROM pg_class c WHERE d.tableoid = c.tableoid";
        let expected = "SELECT 1259 AS tableoid, 1259 AS t FROM pg_class c WHERE d.tableoid = 1259";
        assert_eq!(normalised(text), expected);
    }

    #[test]
    fn subqueries_over_users_tables_stay() {
        let text = "SELECT (SELECT x FROM mine WHERE mine.a = t.a) FROM t";
        assert_eq!(normalised(text), text);
    }

    #[test]
    fn a_condition_on_the_outer_row_moves_out() {
        let text = "SELECT (SELECT d.adbin FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND a.atthasdef) FROM pg_attribute a";
        let expected = "SELECT CASE WHEN a.atthasdef THEN (SELECT first_value(d.adbin) FROM pg_attrdef d \
            WHERE d.adrelid = a.attrelid) END FROM pg_attribute a";
        assert_eq!(normalised(text), expected);
    }
}
