//! Constraints as they are written, of a column and of a table.

use sqlparser::ast::{CheckConstraint, ColumnDef, ColumnOption, CreateTable, Expr, TableConstraint};

use crate::names::fold;

/// A constraint as written, columns by name.
pub(super) enum NewConstraint<'a> {
    Key { name: Option<String>, columns: Vec<String>, primary: bool },
    Foreign { name: Option<String>, columns: Vec<String>, clause: &'a sqlparser::ast::ForeignKeyConstraint },
    Check { name: Option<String>, expression: &'a Expr },
}

/// Constraints of columns and of the table, in the order of the text.
pub(super) fn constraints(create: &CreateTable) -> Vec<NewConstraint<'_>> {
    let of_columns = create.columns.iter().flat_map(column_constraints);
    let of_table = create.constraints.iter().filter_map(table_constraint);
    of_columns.chain(of_table).collect()
}

pub(super) fn column_constraints(column: &ColumnDef) -> Vec<NewConstraint<'_>> {
    let own = || vec![fold(&column.name)];
    let find = |option: &'_ sqlparser::ast::ColumnOptionDef| option.name.as_ref().map(fold);
    column
        .options
        .iter()
        .filter_map(|option| match &option.option {
            ColumnOption::PrimaryKey(_) => {
                Some(NewConstraint::Key { name: find(option), columns: own(), primary: true })
            }
            ColumnOption::Unique(_) => Some(NewConstraint::Key { name: find(option), columns: own(), primary: false }),
            ColumnOption::ForeignKey(clause) => {
                Some(NewConstraint::Foreign { name: find(option), columns: own(), clause })
            }
            ColumnOption::Check(check) => {
                Some(NewConstraint::Check { name: find(option), expression: check.expr.as_ref() })
            }
            _ => None,
        })
        .collect()
}

/// A table constraint as written; `None` for what is no constraint here (an index inside the parentheses).
pub(super) fn table_constraint(constraint: &TableConstraint) -> Option<NewConstraint<'_>> {
    let names = |columns: &[sqlparser::ast::IndexColumn]| columns.iter().map(index_column).collect();
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            Some(NewConstraint::Key { name: key.name.as_ref().map(fold), columns: names(&key.columns), primary: true })
        }
        TableConstraint::Unique(key) => {
            Some(NewConstraint::Key { name: key.name.as_ref().map(fold), columns: names(&key.columns), primary: false })
        }
        TableConstraint::ForeignKey(clause) => Some(NewConstraint::Foreign {
            name: clause.name.as_ref().map(fold),
            columns: clause.columns.iter().map(fold).collect(),
            clause,
        }),
        TableConstraint::Check(CheckConstraint { name, expr, .. }) => {
            Some(NewConstraint::Check { name: name.as_ref().map(fold), expression: expr })
        }
        _ => None,
    }
}

fn index_column(column: &sqlparser::ast::IndexColumn) -> String {
    match &column.column.expr {
        Expr::Identifier(ident) => fold(ident),
        other => other.to_string(),
    }
}
