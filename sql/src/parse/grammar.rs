//! What sqlparser takes and PostgreSQL's grammar does not: 42601 for it.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, AccessExpr, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Join, JoinConstraint, JoinOperator, Select, Spanned, TableFactor, TableWithJoins, Value, Visit, Visitor,
};
use sqlparser::tokenizer::Location;

use super::TextIndex;
use crate::error::SqlError;
use crate::names::fold;

/// Words that name a type, or begin a form of their own, and no function.
const NO_FUNCTIONS: &[&str] = &[
    "all",
    "any",
    "bigint",
    "bit",
    "boolean",
    "char",
    "character",
    "dec",
    "decimal",
    "float",
    "int",
    "integer",
    "nchar",
    "numeric",
    "real",
    "smallint",
    "some",
    "varchar",
    "xmlparse",
];

/// Functions that the grammar gives at least one argument.
const WITH_ARGUMENTS: &[&str] = &["coalesce", "greatest", "least"];

/// 42601 for what a statement has of such forms.
pub(super) fn refuse(statement: &ast::Statement, index: &TextIndex<'_>) -> Result<(), SqlError> {
    match statement.visit(&mut Finder::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(misfit) => Err(misfit.error(index)),
    }
}

/// What does not fit, by its place.
enum Misfit {
    /// The token that begins there.
    At(Location),
    /// The first token behind.
    Behind(Location),
    /// The first bracket that opens there or behind.
    Subscript(Location),
    /// A subquery in FROM, which has no name.
    Nameless(&'static str, Location),
}

impl Misfit {
    fn error(self, index: &TextIndex<'_>) -> SqlError {
        let place = match self {
            Misfit::Nameless(what, at) => {
                return SqlError::syntax(format!("{what} in FROM must have an alias"))
                    .hint(format!(
                        "For example, FROM ({} ...) [AS] foo.",
                        if what == "VALUES" { what } else { "SELECT" }
                    ))
                    .position(index.position_at(at));
            }
            Misfit::At(place) | Misfit::Behind(place) => index.byte_at(place),
            Misfit::Subscript(place) => {
                let place = index.byte_at(place);
                index.text()[place..].find('[').map_or(place, |bracket| place + bracket)
            }
        };
        let rest = index.text()[place..].trim_start();
        let start = index.text().len() - rest.len();
        match token_of(rest) {
            "" => SqlError::syntax("syntax error at end of input").position(index.end_position()),
            near => SqlError::syntax(format!("syntax error at or near \"{near}\""))
                .position(index.text()[..start].chars().count() + 1),
        }
    }
}

/// The word that a text begins with, or its first character.
fn token_of(text: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let first = text.chars().next().map_or(0, char::len_utf8);
    &text[..word.max(first)]
}

#[derive(Default)]
struct Finder {
    /// Where `LIKE ANY (…)` has what sqlparser takes for a call.
    quantifiers: Vec<Location>,
}

impl Visitor for Finder {
    type Break = Misfit;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Misfit> {
        select.from.iter().try_for_each(check_joins)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Misfit> {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => check_joins(table_with_joins),
            TableFactor::Derived { subquery, alias: None, .. } => {
                let is_values = matches!(*subquery.body, ast::SetExpr::Values(_));
                let what = if is_values { "VALUES" } else { "subquery" };
                ControlFlow::Break(Misfit::Nameless(what, subquery.span().start))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Misfit> {
        match expr {
            Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } => {
                self.quantifiers.push(pattern.span().start);
                ControlFlow::Continue(())
            }
            Expr::Function(function)
                if is_misformed(function) && !self.quantifiers.contains(&function.name.span().start) =>
            {
                ControlFlow::Break(Misfit::At(function.name.span().start))
            }
            Expr::CompoundFieldAccess { root, access_chain } if !takes_subscripts(root, access_chain) => {
                ControlFlow::Break(Misfit::Subscript(root.span().end))
            }
            Expr::TypedString(typed) if matches!(typed.data_type, DataType::Array(_)) => {
                ControlFlow::Break(Misfit::At(typed.value.span.start))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Each join but a cross and a natural one has a condition.
fn check_joins(tables: &TableWithJoins) -> ControlFlow<Misfit> {
    match tables.joins.iter().find(|join| lacks_condition(join)) {
        Some(join) => ControlFlow::Break(Misfit::Behind(join.relation.span().end)),
        None => ControlFlow::Continue(()),
    }
}

fn lacks_condition(join: &Join) -> bool {
    use JoinOperator as J;
    match &join.join_operator {
        J::Join(constraint)
        | J::Inner(constraint)
        | J::Left(constraint)
        | J::LeftOuter(constraint)
        | J::Right(constraint)
        | J::RightOuter(constraint)
        | J::FullOuter(constraint) => matches!(constraint, JoinConstraint::None),
        _ => false,
    }
}

fn is_misformed(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let is_wildcard = |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let word = bare_word(function);
    let is = |words: &[&str]| word.as_deref().is_some_and(|word| words.contains(&word));
    function.null_treatment.is_some()
        || (is_distinct || list.args.len() > 1) && list.args.iter().any(is_wildcard)
        || is(NO_FUNCTIONS)
        || is(WITH_ARGUMENTS) && list.args.is_empty()
}

/// The name of a function that is one word without quotes.
fn bare_word(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part.as_ident().filter(|ident| ident.quote_style.is_none()).map(fold),
        _ => None,
    }
}

/// Whether subscripts may stand behind an expression; else it needs parentheses.
fn takes_subscripts(root: &Expr, chain: &[AccessExpr]) -> bool {
    match root {
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        Expr::Array(_) | Expr::TypedString(_) | Expr::Function(_) | Expr::Cast { .. } | Expr::Case { .. } => {
            !matches!(chain.first(), Some(AccessExpr::Subscript(_)))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::parse;

    fn refused(sql: &str) -> Option<(String, Option<usize>)> {
        parse(sql, &mut Vec::new()).err().map(|error| (error.message.clone(), error.position))
    }

    #[test]
    fn what_needs_parentheses_does() {
        let near = |word: &str, position| Some((format!("syntax error at or near \"{word}\""), Some(position)));
        assert_eq!(refused("select array[1, 2][1]"), near("[", 19));
        assert_eq!(refused("select 'abc'[1]"), near("[", 13));
        assert_eq!(refused("select (array[1, 2])[1], a[1], t.a[1], $1[1], (select b)[1] from t"), None);
    }

    #[test]
    fn a_join_has_a_condition_and_a_subquery_a_name() {
        let end = Some(("syntax error at end of input".to_owned(), Some(23)));
        assert_eq!(refused("select * from a join b"), end);
        let near = Some(("syntax error at or near \"where\"".to_owned(), Some(24)));
        assert_eq!(refused("select * from a join b where true"), near);
        assert_eq!(refused("select * from a cross join b natural join c join d using (x)"), None);
        let nameless = "subquery in FROM must have an alias";
        assert_eq!(refused("select * from (select 1)").map(|(message, _)| message).as_deref(), Some(nameless));
    }

    #[test]
    fn types_and_forms_are_no_functions() {
        for sql in [
            "numeric(1)",
            "coalesce()",
            "count(distinct *)",
            "count(*, a)",
            "any(array[1])",
            "first_value(a) ignore nulls over ()",
        ] {
            assert!(refused(&format!("select {sql}")).is_some(), "{sql}");
        }
        for sql in ["\"numeric\"(1)", "coalesce(1)", "count(*)", "numeric '1'", "int4(1)"] {
            assert_eq!(refused(&format!("select {sql}")), None, "{sql}");
        }
    }
}
