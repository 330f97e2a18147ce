//! `a[1]` and `a[2:3]` where a column is assigned to: in SET, and in the list of columns of an INSERT.

use sqlparser::ast::Ident;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is, keyword_of, words};

/// What stands behind the name of a column of which a part is assigned to, as a function that makes a part of the name.
const PART_MARK: &str = "\u{1}part";

/// Whether a part of a name is what [`assigned_parts`] makes of subscripts.
pub(crate) fn is_part_mark(ident: &Ident) -> bool {
    ident.value == PART_MARK
}

/// `a[1]` as a name of two parts: `a`, and a call of the mark with the column and its subscripts.
pub(super) fn assigned_parts(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| token.token == Token::LBracket) {
        return;
    }
    let words = words(tokens);
    let statement = Statement { tokens, words: &words };
    let starts: Vec<usize> = (0..words.len()).flat_map(|number| statement.targets_behind(number)).collect();
    let parts = starts.into_iter().filter_map(|number| statement.subscripts(number));
    let places: Vec<(usize, usize)> = parts.map(|(name, last)| (words[name], words[last])).collect();
    for (name, last) in places.into_iter().rev() {
        let column = tokens[name].clone();
        let made = |token| TokenWithSpan { token, span: column.span };
        let call = [Token::Period, Token::make_word(PART_MARK, Some('"')), Token::LParen].map(made);
        tokens.insert(last + 1, made(Token::RParen));
        tokens.splice(name + 1..=name, call.into_iter().chain([column.clone()]));
    }
}

/// The tokens of a statement, and the places of those that are no blanks, by whose numbers they are named here.
struct Statement<'t> {
    tokens: &'t [TokenWithSpan],
    words: &'t [usize],
}

impl Statement<'_> {
    fn token(&self, number: usize) -> &Token {
        self.words.get(number).map_or(&Token::EOF, |&at| &self.tokens[at].token)
    }

    fn keyword(&self, number: usize) -> Option<Keyword> {
        self.words.get(number).and_then(|&at| keyword_of(&self.tokens[at]))
    }

    /// Where the columns begin that the word assigns to.
    fn targets_behind(&self, number: usize) -> Vec<usize> {
        match self.keyword(number) {
            Some(Keyword::SET) => self.set_targets(number + 1),
            Some(Keyword::INSERT) => self.column_list(number + 1).map_or_else(Vec::new, |open| self.list(open)),
            _ => Vec::new(),
        }
    }

    /// The columns of `a = …, (b, c) = …`.
    fn set_targets(&self, first: usize) -> Vec<usize> {
        let of_target = |start: usize| match self.token(start) {
            Token::LParen => self.list(start),
            _ => vec![start],
        };
        self.separated(first).into_iter().flat_map(of_target).collect()
    }

    /// What stands between the parenthesis there and the one that closes it.
    fn list(&self, open: usize) -> Vec<usize> {
        self.separated(open + 1)
    }

    /// Where what commas separate begins, up to the end of the clause or of the parentheses around it.
    fn separated(&self, first: usize) -> Vec<usize> {
        let mut starts = vec![first];
        let mut depth = 0;
        for number in first..self.words.len() {
            match self.token(number) {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket if depth == 0 => break,
                Token::RParen | Token::RBracket => depth -= 1,
                Token::Comma if depth == 0 => starts.push(number + 1),
                // A CASE has WHEN within.
                _ if self.keyword(number) == Some(Keyword::CASE) => depth += 1,
                _ if self.keyword(number) == Some(Keyword::END) => depth -= 1,
                _ if depth == 0 && self.ends_assignments(number) => break,
                _ => {}
            }
        }
        starts
    }

    fn ends_assignments(&self, number: usize) -> bool {
        matches!(self.keyword(number), Some(Keyword::WHERE | Keyword::RETURNING | Keyword::WHEN))
    }

    /// The parenthesis before the columns of an INSERT, of which the table's name may stand before.
    fn column_list(&self, first: usize) -> Option<usize> {
        let is_name = |token: &TokenWithSpan| {
            let begins_source = [Keyword::SELECT, Keyword::VALUES, Keyword::WITH, Keyword::TABLE, Keyword::DEFAULT];
            matches!(token.token, Token::Word(_) | Token::Period)
                && !begins_source.into_iter().any(|keyword| is(token, keyword))
        };
        let behind = self.words[first..].iter().position(|&at| !is_name(&self.tokens[at]))?;
        (*self.token(first + behind) == Token::LParen).then_some(first + behind)
    }

    /// The name there and its last bracket, if subscripts follow it and then nothing that could be more of an expression.
    fn subscripts(&self, name: usize) -> Option<(usize, usize)> {
        let Token::Word(_) = self.token(name) else { return None };
        let mut end = name + 1;
        while *self.token(end) == Token::LBracket {
            end = self.closing(end)? + 1;
        }
        let is_assigned = matches!(self.token(end), Token::Eq | Token::Comma | Token::RParen);
        (end > name + 1 && is_assigned).then_some((name, end - 1))
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0;
        (open..self.words.len()).find(|&number| {
            match self.token(number) {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::{Tree, parse};

    fn printed(sql: &str) -> String {
        let statements = parse(sql, &mut Vec::new()).expect("parses");
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("no SQL") };
        tree.to_string().replace("\"\u{1}part\"", "part")
    }

    #[test]
    fn subscripts_of_what_is_assigned_are_parts_of_names() {
        assert_eq!(
            printed("update t set a[1] = b[2], (c[i[1]], d) = (1, e[3]) where a[1] = 2"),
            "UPDATE t SET a.part(a[1]) = b[2], (c.part(c[i[1]]), d) = (1, e[3]) WHERE a[1] = 2"
        );
        assert_eq!(
            printed("insert into s.t as x (a[1][2], b, a[2:3]) values (c[1], 2, 3)"),
            "INSERT INTO s.t AS x (a.part(a[1][2]), b, a.part(a[2:3])) VALUES (c[1], 2, 3)"
        );
        assert_eq!(
            printed("update t set b = case when true then 1 end, a[1] = 2"),
            "UPDATE t SET b = CASE WHEN true THEN 1 END, a.part(a[1]) = 2"
        );
        for other in ["INSERT INTO t SELECT (a[1]) FROM u", "INSERT INTO t VALUES (a[1])", "SELECT a[1], b[2] FROM t"] {
            assert_eq!(printed(other), other);
        }
    }
}
