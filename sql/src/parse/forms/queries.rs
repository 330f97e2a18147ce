//! Forms of queries and of expressions in them.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::{DISTINCT_MARK, is, is_blank, is_word, keyword_of};

/// `FROM ONLY t` is `FROM t`: no table has others that inherit from it.
pub(super) fn leave_out_only(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let is_before_table = |token: &TokenWithSpan| {
        matches!(
            keyword_of(token),
            Some(Keyword::FROM | Keyword::JOIN | Keyword::UPDATE | Keyword::INTO | Keyword::USING)
        )
    };
    let needless = words.windows(3).filter(|three| {
        is_before_table(&tokens[three[0]])
            && is(&tokens[three[1]], Keyword::ONLY)
            && matches!(tokens[three[2]].token, Token::Word(_))
    });
    let needless: Vec<usize> = needless.map(|three| three[1]).collect();
    for at in needless.into_iter().rev() {
        tokens.remove(at);
    }
}

/// `int ARRAY`, where no items follow, is `int[]`.
pub(super) fn arrays_by_word(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let ends_type = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && is_type_word(word.keyword),
        Token::RParen => true,
        _ => false,
    };
    for number in (1..words.len()).rev() {
        let next = words.get(number + 1).map(|&at| &tokens[at].token);
        let has_items = matches!(next, Some(Token::LBracket | Token::LParen));
        let is_array = is(&tokens[words[number]], Keyword::ARRAY) && !has_items;
        if is_array && ends_type(&tokens[words[number - 1]]) {
            let span = tokens[words[number]].span;
            let brackets = [Token::LBracket, Token::RBracket].map(|token| TokenWithSpan { token, span });
            tokens.splice(words[number]..=words[number], brackets);
        }
    }
}

/// Whether a word may end the name of a type: it begins no clause and is no operator.
fn is_type_word(keyword: Keyword) -> bool {
    use Keyword as K;
    !matches!(
        keyword,
        K::SELECT | K::AND | K::OR | K::NOT | K::AS | K::BY | K::ON | K::WHERE | K::FROM | K::IN | K::THEN | K::ELSE
    )
}

/// `x = ANY (VALUES …)` and `x = (VALUES …)` as a subquery that sqlparser knows.
pub(super) fn quantified_values(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    for three in words.windows(3).rev() {
        let [quantifier, open, values] = [three[0], three[1], three[2]];
        let takes_query = tokens[quantifier].token == Token::Eq
            || matches!(keyword_of(&tokens[quantifier]), Some(Keyword::ANY | Keyword::ALL | Keyword::SOME));
        if !takes_query || tokens[open].token != Token::LParen || !is(&tokens[values], Keyword::VALUES) {
            continue;
        }
        let Some(close) = closing(tokens, open) else { continue };
        let word = Token::make_keyword;
        let put = |at: usize, made: Vec<Token>| {
            let span = tokens[at].span;
            made.into_iter().map(move |token| TokenWithSpan { token, span }).collect::<Vec<_>>()
        };
        let name = Token::make_word("values", Some('"'));
        let tail = put(close, vec![Token::RParen, word("AS"), name]);
        let head = put(values, vec![word("SELECT"), Token::Mul, word("FROM"), Token::LParen]);
        tokens.splice(close..close, tail);
        tokens.splice(values..values, head);
    }
}

/// Where the parenthesis closes that opens there.
pub(super) fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0;
    (open..tokens.len()).find(|&at| {
        depth += depth_change(&tokens[at].token);
        depth == 0
    })
}

/// `USING <` of a key of ORDER BY, and `USING >`, as ASC and DESC.
pub(super) fn orders_by_operator(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    for pair in words.windows(2).rev() {
        let order = match tokens[pair[1]].token {
            Token::Lt => "ASC",
            Token::Gt => "DESC",
            _ => continue,
        };
        if is(&tokens[pair[0]], Keyword::USING) {
            tokens[pair[0]].token = Token::make_keyword(order);
            tokens.remove(pair[1]);
        }
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`, which takes more than sqlparser reads behind FETCH.
pub(super) fn fetches_as_limits(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let is_at = |number: usize, keywords: &[Keyword]| {
        words.get(number).and_then(|&at| keyword_of(&tokens[at])).is_some_and(|keyword| keywords.contains(&keyword))
    };
    let mut found = Vec::new();
    for number in 1..words.len() {
        let begins = is_at(number, &[Keyword::FETCH]) && is_at(number + 1, &[Keyword::FIRST, Keyword::NEXT]);
        let Some(after) = begins.then(|| after_count(tokens, &words, number + 2)).flatten() else { continue };
        if is_at(after, &[Keyword::ROW, Keyword::ROWS]) && is_at(after + 1, &[Keyword::ONLY]) {
            found.push((number, after));
        }
    }
    for (number, after) in found.into_iter().rev() {
        let [fetch, first, rows, only] = [number, number + 1, after, after + 1].map(|number| words[number]);
        tokens.drain(rows..=only);
        tokens[fetch].token = Token::make_keyword("LIMIT");
        tokens[first].token = Token::Whitespace(Whitespace::Space);
        if after == number + 2 {
            tokens[first].token = Token::Number("1".to_owned(), false);
        }
    }
}

/// The word behind the number of rows of a FETCH: nothing, a value with or without a sign, or what stands in parentheses.
fn after_count(tokens: &[TokenWithSpan], words: &[usize], number: usize) -> Option<usize> {
    let token = |number: usize| words.get(number).map(|&at| &tokens[at]);
    match &token(number)?.token {
        Token::Minus | Token::Plus => Some(number + 2),
        Token::LParen => {
            let close = closing(tokens, words[number])?;
            words.iter().position(|&at| at > close)
        }
        _ if matches!(keyword_of(token(number)?), Some(Keyword::ROW | Keyword::ROWS)) => Some(number),
        _ => Some(number + 1),
    }
}

/// `GROUP BY DISTINCT …` has a mark for DISTINCT; `GROUP BY ALL …` is `GROUP BY …`.
pub(super) fn groups_by_distinct(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    for three in words.windows(3).rev() {
        if !is(&tokens[three[0]], Keyword::GROUP) || !is(&tokens[three[1]], Keyword::BY) {
            continue;
        }
        let at = three[2];
        if is(&tokens[at], Keyword::ALL) {
            tokens.remove(at);
        } else if is(&tokens[at], Keyword::DISTINCT) {
            let span = tokens[at].span;
            let marked = [Token::make_word(DISTINCT_MARK, Some('"')), Token::Comma];
            tokens.splice(at..=at, marked.map(|token| TokenWithSpan { token, span }));
        }
    }
}

/// `substring(a SIMILAR b ESCAPE c)` is `substring(a FROM b FOR c)`.
pub(super) fn substrings_by_pattern(tokens: &mut [TokenWithSpan]) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    for pair in words.windows(2) {
        if !is(&tokens[pair[0]], Keyword::SUBSTRING) || tokens[pair[1]].token != Token::LParen {
            continue;
        }
        let Some(close) = closing(tokens, pair[1]) else { continue };
        let mut depth = 0;
        let mut places = Vec::new();
        for at in words.iter().copied().filter(|at| (pair[1]..close).contains(at)) {
            depth += depth_change(&tokens[at].token);
            if depth == 1 && matches!(keyword_of(&tokens[at]), Some(Keyword::SIMILAR | Keyword::ESCAPE | Keyword::TO)) {
                places.push(at);
            }
        }
        if let [similar, escape] = places.as_slice()
            && is(&tokens[*similar], Keyword::SIMILAR)
            && is(&tokens[*escape], Keyword::ESCAPE)
        {
            tokens[*similar].token = Token::make_keyword("FROM");
            tokens[*escape].token = Token::make_keyword("FOR");
        }
    }
}

fn depth_change(token: &Token) -> i32 {
    match token {
        Token::LParen => 1,
        Token::RParen => -1,
        _ => 0,
    }
}

/// A SELECT of nothing from nowhere gets somewhere to select from.
pub(super) fn empty_selects(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let next_word = |from: usize| tokens[from..].iter().find(|token| !is_blank(token));
    let is_empty = |at: usize| {
        is(&tokens[at], Keyword::SELECT)
            && next_word(at + 1).is_none_or(|next| {
                matches!(next.token, Token::SemiColon | Token::EOF | Token::RParen)
                    || matches!(keyword_of(next), Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT))
                    || matches!(keyword_of(next), Some(Keyword::WHERE | Keyword::LIMIT | Keyword::OFFSET))
            })
    };
    let places: Vec<usize> = (0..tokens.len()).filter(|&at| is_empty(at)).collect();
    let mut tokens = tokens;
    for at in places.into_iter().rev() {
        let span = tokens[at].span;
        let word = Token::make_keyword;
        let one = [word("FROM"), Token::LParen, word("SELECT"), Token::Number("1".to_owned(), false), Token::RParen];
        let source = one.into_iter().chain([word("AS"), Token::make_word("nothing", None)]);
        tokens.splice(at + 1..at + 1, source.map(|token| TokenWithSpan { token, span }));
    }
    tokens
}

/// `trim(trailing from x)` without what to trim, as the function of that end.
pub(super) fn trims_of_blanks(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let mut gone = Vec::new();
    for four in words.windows(4) {
        let [name, open, end, from] = [four[0], four[1], four[2], four[3]];
        let function = match keyword_of(&tokens[end]) {
            Some(Keyword::LEADING) => "ltrim",
            Some(Keyword::TRAILING) => "rtrim",
            Some(Keyword::BOTH | Keyword::FROM) => "btrim",
            _ => continue,
        };
        let has_end = !is(&tokens[end], Keyword::FROM);
        let is_trim = is(&tokens[name], Keyword::TRIM) && tokens[open].token == Token::LParen;
        if is_trim && (!has_end || is(&tokens[from], Keyword::FROM)) {
            tokens[name].token = Token::make_word(function, None);
            gone.push(end);
            gone.extend(has_end.then_some(from));
        }
    }
    for at in gone.into_iter().rev() {
        tokens.remove(at);
    }
    tokens
}

/// `current_role` and `current_schema` as the calls that they are, and their kin that stand where a table may.
pub(super) fn bare_functions(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_bare =
        |token: &TokenWithSpan| matches!(keyword_of(token), Some(Keyword::CURRENT_ROLE | Keyword::CURRENT_SCHEMA));
    if !tokens.iter().any(|token| is_bare(token) || is_bare_source(token)) {
        return tokens;
    }
    let mut rewritten = Vec::with_capacity(tokens.len() + 2);
    let mut tokens = tokens.into_iter().peekable();
    let (mut follows_dot, mut follows_from) = (false, false);
    while let Some(token) = tokens.next() {
        let is_call = tokens.peek().is_some_and(|next| next.token == Token::LParen);
        let is_source = follows_from && is_bare_source(&token);
        let calls = (is_bare(&token) || is_source) && !is_call && !follows_dot;
        follows_dot = token.token == Token::Period;
        if !is_blank(&token) {
            follows_from = matches!(keyword_of(&token), Some(Keyword::FROM | Keyword::JOIN));
        }
        let span = token.span;
        rewritten.push(token);
        if calls {
            rewritten.extend([Token::LParen, Token::RParen].map(|token| TokenWithSpan { token, span }));
        }
    }
    rewritten
}

/// Words that are functions in an expression, which sqlparser takes for tables behind FROM.
fn is_bare_source(token: &TokenWithSpan) -> bool {
    use Keyword as K;
    matches!(
        keyword_of(token),
        Some(
            K::CURRENT_DATE
                | K::CURRENT_TIMESTAMP
                | K::LOCALTIME
                | K::LOCALTIMESTAMP
                | K::CURRENT_USER
                | K::SESSION_USER
        )
    )
}

/// `TABLE t` where a query may stand.
pub(super) fn table_commands(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut rewritten: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut earlier: [Option<Token>; 3] = [None, None, None];
    // `REINDEX (VERBOSE) TABLE t` holds no query.
    let first = tokens.iter().find(|token| !is_blank(token));
    if first.is_some_and(|first| is_word(first, "reindex")) {
        return tokens;
    }
    for token in tokens {
        if is_blank(&token) {
            rewritten.push(token);
            continue;
        }
        if is(&token, Keyword::TABLE) && query_may_follow(&earlier) {
            let span = token.span;
            let put = |token| TokenWithSpan { token, span };
            rewritten.push(put(Token::make_keyword("SELECT")));
            rewritten.push(put(Token::Mul));
            rewritten.push(put(Token::make_keyword("FROM")));
        } else {
            rewritten.push(token.clone());
        }
        earlier.rotate_right(1);
        earlier[0] = Some(token.token);
    }
    rewritten
}

/// Whether a query may begin behind these tokens, the last one first.
fn query_may_follow(earlier: &[Option<Token>; 3]) -> bool {
    let keyword = |at: usize| match &earlier[at] {
        Some(Token::Word(word)) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    };
    match (&earlier[0], keyword(0)) {
        // `WITH … AS (…) TABLE t`, `INSERT INTO t (a) TABLE u`
        (None, _) | (Some(Token::LParen | Token::RParen), _) => true,
        (_, Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::AS | Keyword::EXPLAIN)) => true,
        (_, Some(Keyword::ALL | Keyword::DISTINCT)) => {
            matches!(keyword(1), Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT))
        }
        (_, Some(Keyword::FOR)) => matches!(keyword(1), Some(Keyword::CURSOR | Keyword::HOLD)),
        // INSERT INTO t TABLE u
        (Some(Token::Word(_)), _) => keyword(1) == Some(Keyword::INTO) && keyword(2) == Some(Keyword::INSERT),
        _ => false,
    }
}
