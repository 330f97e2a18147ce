//! The parts of a statement: which of them reads which, in what order they run, and each as a statement of its own.

use sqlparser::ast::{
    Cte, Delete, Ident, Insert, ObjectName, ObjectNamePart, Query, SetExpr, Statement as Sql, TableFactor, Update, With,
};

use super::RETURNED_SCHEMA;
use super::reads::reads;
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::parse::{is_change, parse_query, under_with};

/// A statement's WITH, and what stands behind it.
pub(super) struct Parts<'a> {
    with: &'a With,
    /// The folded names of the WITH's queries.
    names: Vec<String>,
    main: Query,
    /// `SELECT * FROM` what a part returned, with a name to be filled in.
    template: Query,
}

/// The parts by their places in the WITH, in the order in which they run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Order {
    /// Those that run before the main statement.
    pub(super) before: Vec<usize>,
    /// Those that run after it.
    pub(super) after: Vec<usize>,
}

impl Order {
    pub(super) fn parts(&self) -> impl Iterator<Item = usize> {
        self.before.iter().chain(&self.after).copied()
    }
}

impl<'a> Parts<'a> {
    /// Fails where PostgreSQL would take no such parts.
    pub(super) fn of(query: &'a Query) -> Result<Parts<'a>, SqlError> {
        let with = query.with.as_ref().ok_or_else(|| SqlError::internal("a WITH was expected"))?;
        let names = with.cte_tables.iter().map(|part| fold(&part.alias.name)).collect();
        let main = Query { with: None, ..query.clone() };
        let parts = Parts { with, names, main, template: *parse_query("SELECT * FROM returned")? };
        parts.check()?;
        Ok(parts)
    }

    fn check(&self) -> Result<(), SqlError> {
        for (place, name) in self.names.iter().enumerate() {
            if self.names[..place].contains(name) {
                let message = format!("WITH query name \"{name}\" specified more than once");
                return Err(SqlError::new(SqlState::DUPLICATE_ALIAS, message));
            }
        }
        self.changes().try_for_each(|part| self.check_change(part))
    }

    fn check_change(&self, part: usize) -> Result<(), SqlError> {
        let (query, name) = (&self.with.cte_tables[part].query, self.name(part));
        if matches!(query.body.as_ref(), SetExpr::Merge(_)) {
            return Err(SqlError::unsupported("MERGE not supported in WITH query"));
        }
        if self.with.recursive && reads(query, name) {
            let message = format!("recursive query \"{name}\" must not contain data-modifying statements");
            return Err(SqlError::new(SqlState::INVALID_RECURSION, message));
        }
        let others = self.with.cte_tables.iter().enumerate().filter(|(other, _)| *other != part);
        let is_read = reads(&self.main, name) || others.clone().any(|(other, cte)| self.sees(other, part, &cte.query));
        match is_read && !returns_rows(query) {
            true => Err(SqlError::unsupported(format!("WITH query \"{name}\" does not have a RETURNING clause"))),
            false => Ok(()),
        }
    }

    /// The places of the parts that change rows.
    fn changes(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|&place| is_change(&self.with.cte_tables[place].query))
    }

    pub(super) fn name(&self, part: usize) -> &str {
        &self.names[part]
    }

    /// Whether the query at one place, which is given, reads the one at another.
    fn sees(&self, reader: usize, part: usize, query: &Query) -> bool {
        (self.with.recursive || part < reader) && reads(query, self.name(part))
    }

    /// What PostgreSQL's executor comes to: the parts that the main statement reads run before it, as it asks for their
    /// rows; the others after it, the last one first. Each comes after those that it reads. A SELECT is run last: it sees
    /// nothing of what they do.
    pub(super) fn order(&self) -> Order {
        let mut placed = vec![false; self.names.len()];
        let mut order = Order::default();
        for part in self.changes().filter(|&part| self.is_read_by(part, None)) {
            self.place(part, &mut placed, &mut order.before);
        }
        let rest: Vec<usize> = self.changes().collect();
        for part in rest.into_iter().rev() {
            self.place(part, &mut placed, if self.main_changes() { &mut order.after } else { &mut order.before });
        }
        order
    }

    fn place(&self, part: usize, placed: &mut [bool], order: &mut Vec<usize>) {
        if std::mem::replace(&mut placed[part], true) {
            return;
        }
        for read in self.changes().filter(|&read| self.is_read_by(read, Some(part))) {
            self.place(read, placed, order);
        }
        order.push(part);
    }

    /// Whether that part, or the main statement, reads another, itself or through queries of the WITH that it sees.
    fn is_read_by(&self, part: usize, reader: Option<usize>) -> bool {
        let direct = match reader {
            None => reads(&self.main, self.name(part)),
            Some(reader) => self.sees(reader, part, &self.with.cte_tables[reader].query),
        };
        let queries = self.with.cte_tables.iter().enumerate().filter(|(_, cte)| !is_change(&cte.query));
        let mut seen = queries.filter(|(place, _)| reader.is_none_or(|reader| self.with.recursive || *place < reader));
        direct || seen.any(|(place, cte)| self.sees(place, part, &cte.query))
    }

    /// Whether the main statement changes rows.
    pub(super) fn main_changes(&self) -> bool {
        is_change(&self.main)
    }

    /// The main statement, which reads what parts returned in their places.
    pub(super) fn main(&self) -> Sql {
        self.under_with(&self.main, None)
    }

    /// A part as a statement of its own.
    pub(super) fn statement(&self, part: usize) -> Sql {
        self.under_with(&self.with.cte_tables[part].query, Some(part))
    }

    fn under_with(&self, query: &Query, reader: Option<usize>) -> Sql {
        let own = query.with.iter().flat_map(|with| &with.cte_tables);
        let is_hidden = |name: &str| own.clone().any(|own| fold(&own.alias.name) == name);
        let places = (0..self.names.len()).filter(|&place| Some(place) != reader && !is_hidden(self.name(place)));
        let mut seen: Vec<Cte> = places.filter_map(|place| self.seen(place, reader)).collect();
        seen.extend(own.cloned());
        let recursive = self.with.recursive || query.with.as_ref().is_some_and(|with| with.recursive);
        let with = With { cte_tables: seen, recursive, ..self.with.clone() };
        let with = Some(with).filter(|with| !with.cte_tables.is_empty());
        match query.body.as_ref() {
            SetExpr::Insert(Sql::Insert(insert)) => Sql::Insert(under_with(insert.clone(), with)),
            _ => Sql::Query(Box::new(Query { with, ..query.clone() })),
        }
    }

    /// A query of the WITH as a reader sees it, if it does: of a part that changes rows, what that returned.
    fn seen(&self, place: usize, reader: Option<usize>) -> Option<Cte> {
        let cte = &self.with.cte_tables[place];
        if reader.is_some_and(|reader| !self.with.recursive && place > reader) {
            return None;
        }
        if !is_change(&cte.query) {
            return Some(cte.clone());
        }
        self.is_read_by(place, reader).then(|| Cte { query: Box::new(self.all_returned(place)), ..cte.clone() })
    }

    fn all_returned(&self, part: usize) -> Query {
        let mut query = self.template.clone();
        if let SetExpr::Select(select) = query.body.as_mut()
            && let [from] = select.from.as_mut_slice()
            && let TableFactor::Table { name, .. } = &mut from.relation
        {
            let quoted = |text: &str| ObjectNamePart::Identifier(Ident::with_quote('"', text));
            *name = ObjectName(vec![quoted(RETURNED_SCHEMA), quoted(self.name(part))]);
        }
        query
    }
}

/// Whether a statement gives rows.
pub(super) fn returns_rows(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Insert(tree) | SetExpr::Update(tree) | SetExpr::Delete(tree) | SetExpr::Merge(tree) => match tree {
            Sql::Insert(Insert { returning, .. })
            | Sql::Update(Update { returning, .. })
            | Sql::Delete(Delete { returning, .. }) => returning.is_some(),
            _ => false,
        },
        _ => true,
    }
}

/// The verb of a statement.
pub(super) fn verb(query: &Query) -> &'static str {
    match query.body.as_ref() {
        SetExpr::Insert(_) => "INSERT",
        SetExpr::Update(_) => "UPDATE",
        SetExpr::Delete(_) => "DELETE",
        SetExpr::Merge(_) => "MERGE",
        _ => "SELECT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_parts<T>(sql: &str, check: impl FnOnce(Result<Parts<'_>, SqlError>) -> T) -> T {
        let query = parse_query(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        check(Parts::of(&query))
    }

    #[test]
    fn parts_that_are_read_run_first() {
        let order =
            |sql: &str| with_parts(sql, |parts| parts.unwrap_or_else(|error| panic!("{sql}: {error:?}")).order());
        let parts = "with a as (delete from t returning *), b as (select * from a), c as (update t set x = 1)";
        let of = |before: &[usize], after: &[usize]| Order { before: before.to_vec(), after: after.to_vec() };
        assert_eq!(order(&format!("{parts} select 1")), of(&[0, 2], &[]));
        assert_eq!(order(&format!("{parts} insert into u select * from b")), of(&[0], &[2]));
        let chain = "with a as (delete from t returning *), b as (insert into t select * from a), c as (delete from u)";
        assert_eq!(order(&format!("{chain} delete from v")), of(&[], &[2, 0, 1]));
    }

    #[test]
    fn a_part_reads_what_others_returned() {
        let sql = "with a as (delete from t returning *), b(n) as (select 1 from a), c as (insert into u select * from b) \
                   select * from b";
        with_parts(sql, |parts| {
            let parts = parts.expect("parts");
            let returned = format!("a AS (SELECT * FROM \"{RETURNED_SCHEMA}\".\"a\"), b (n) AS (SELECT 1 FROM a)");
            assert_eq!(parts.main().to_string(), format!("WITH {returned} SELECT * FROM b"));
            assert_eq!(parts.statement(2).to_string(), format!("INSERT INTO u WITH {returned} SELECT * FROM b"));
            assert_eq!(parts.statement(0).to_string(), "DELETE FROM t RETURNING *");
        });
    }

    #[test]
    fn what_postgresql_refuses_is_refused() {
        let cases = [
            ("with a as (delete from t) select * from a", SqlState::FEATURE_NOT_SUPPORTED),
            ("with a as (select 1), a as (delete from t) select 1", SqlState::DUPLICATE_ALIAS),
            ("with recursive a as (insert into t select * from a returning *) select 1", SqlState::INVALID_RECURSION),
            (
                "with a as (merge into t using u on true when matched then delete) select 1",
                SqlState::FEATURE_NOT_SUPPORTED,
            ),
        ];
        for (sql, code) in cases {
            let error = with_parts(sql, |parts| parts.err()).unwrap_or_else(|| panic!("{sql}: taken"));
            assert_eq!(error.code, code, "{sql}");
        }
    }
}
