//! Sequences in the texts of defaults: kept by oid, so that they follow a rename, and shown by name.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;

use peristyle_catalog::model::{ColumnDefault, Oid, Requirement};
use sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value,
    visit_expressions_mut,
};

use crate::error::SqlError;
use crate::parse::parse_expression;
use crate::pg_catalog::names::{parts, relation_shown};
use crate::relation::RelationContext;
use crate::scope::Scope;
use crate::sequence::next_call;

/// Functions whose first argument is a sequence.
const CALLS: &[&str] = &["nextval", "currval", "setval"];

/// An expression whose sequences are named by oid; 42P01 for a relation that there is not.
pub(crate) fn by_oids(scope: &Scope, expression: &Expr) -> Result<Expr, SqlError> {
    let mut expression = expression.clone();
    let unknown = RefCell::new(None);
    let oid = |text: &str| {
        let parts = parts(text)?;
        let (name, schema) = parts.split_last()?;
        let Ok(relation) = scope.require_relation(schema.last().map(String::as_str), name).map_err(|error| {
            unknown.borrow_mut().get_or_insert(error);
        }) else {
            return None;
        };
        relation.as_sequence().map(|_| relation.oid.to_string())
    };
    rename(&mut expression, &oid);
    unknown.into_inner().map_or(Ok(expression), Err)
}

/// What a default requires of the sequences that it names: they are still there.
pub(crate) fn required(default: &ColumnDefault) -> impl Iterator<Item = Requirement> {
    sequences_in(&default.expression).into_iter().map(Requirement::RelationLive)
}

/// A default's text with the names that its sequences have now.
pub(crate) fn shown<'t>(context: &RelationContext<'_>, text: &'t str) -> Cow<'t, str> {
    let Some(mut expression) = with_sequences(text) else { return text.into() };
    rename(&mut expression, &|text| relation_shown(context, Oid(text.parse().ok()?)));
    expression.to_string().into()
}

/// The sequences that a default's text names.
pub(crate) fn sequences_in(text: &str) -> Vec<Oid> {
    let Some(mut expression) = with_sequences(text) else { return Vec::new() };
    let found = RefCell::new(Vec::new());
    rename(&mut expression, &|text| {
        found.borrow_mut().extend(text.parse().ok().map(Oid));
        None
    });
    found.into_inner()
}

/// A default's text with another sequence in the place of one; `None` if it does not name that.
pub(crate) fn with_another(text: &str, before: Oid, after: Oid) -> Option<String> {
    if !sequences_in(text).contains(&before) {
        return None;
    }
    // As it is written for a serial column, by which it is known as such.
    if text == next_call(before) {
        return Some(next_call(after));
    }
    let mut expression = with_sequences(text)?;
    rename(&mut expression, &|text| (text.parse().ok().map(Oid) == Some(before)).then(|| after.to_string()));
    Some(expression.to_string())
}

fn with_sequences(text: &str) -> Option<Expr> {
    if text.contains("::regclass") { parse_expression(text).ok() } else { None }
}

/// Gives the sequences in an expression other names; those of which `to` knows none keep theirs.
fn rename(expression: &mut Expr, to: &dyn Fn(&str) -> Option<String>) {
    let _ = visit_expressions_mut(expression, |expr| {
        match expr {
            Expr::Cast { expr: inner, data_type, .. } if is_regclass(data_type) => {
                if let Some(name) = text_of(inner).and_then(to) {
                    *expr = as_regclass(name);
                }
            }
            Expr::Function(call) if CALLS.iter().any(|name| call.name.to_string().eq_ignore_ascii_case(name)) => {
                if let Some(argument) = first_argument(&mut call.args)
                    && let Some(name) = text_of(argument).and_then(to)
                {
                    *argument = as_regclass(name);
                }
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
}

fn first_argument(arguments: &mut FunctionArguments) -> Option<&mut Expr> {
    let FunctionArguments::List(list) = arguments else { return None };
    match list.args.first_mut()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument),
        _ => None,
    }
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn is_regclass(ty: &DataType) -> bool {
    ty.to_string().eq_ignore_ascii_case("regclass")
}

fn as_regclass(name: String) -> Expr {
    Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(Expr::Value(Value::SingleQuotedString(name).into())),
        data_type: DataType::Custom(ObjectName::from(vec![Ident::new("regclass")]), Vec::new()),
        array: false,
        format: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_found_and_renamed() {
        let text = format!("1 + {}", next_call(Oid(16390)));
        assert_eq!(sequences_in(&text), [Oid(16390)]);
        assert_eq!(sequences_in("now()"), []);
        assert_eq!(with_another(&text, Oid(7), Oid(8)), None);
        assert_eq!(sequences_in(&with_another(&text, Oid(16390), Oid(8)).expect("it is named")), [Oid(8)]);
        assert_eq!(with_another(&next_call(Oid(7)), Oid(7), Oid(8)), Some(next_call(Oid(8))));
        let mut expression = parse_expression("nextval('s') + currval('t'::regclass)").expect("parses");
        rename(&mut expression, &|name| (name == "s").then(|| "16390".to_owned()));
        assert_eq!(expression.to_string(), "nextval('16390'::regclass) + currval('t'::REGCLASS)");
    }
}
