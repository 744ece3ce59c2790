//! The report, as JSON for programs and as a table for people.

use super::book::{Book, Session};
use super::exact;
use crate::price::{Cost, Prices};
use crate::usage::{ModelTotals, SessionTotals, Tally};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Everything, as the JSON has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    models: BTreeMap<String, Figures>,
    sessions: Vec<SessionReport>,
    totals: Figures,
    files: u64,
    unreadable_files: u64,
    lines: u64,
    lost_records: u64,
}

/// Tokens and cost of something.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    messages: u64,
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    web_searches: u64,
    /// US dollars by the price table; null when a model's price is not known.
    cost_usd: Option<f64>,
    /// Whether output or cost may be larger: the transcript never got the final figures, or the price table lacks a
    /// premium.
    lower_bound: bool,
    /// US dollars as the client itself said them; null where it did not, or not for all of it.
    exact_cost_usd: Option<f64>,
    /// Which of the two makes it a lower bound.
    #[serde(skip)]
    lacks_output: bool,
    #[serde(skip)]
    lacks_premium: bool,
}

/// One session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionReport {
    session: String,
    cwd: String,
    first: Option<String>,
    last: Option<String>,
    duration_ms: Option<u64>,
    #[serde(flatten)]
    figures: Figures,
    models: BTreeMap<String, Figures>,
    tools: BTreeMap<String, u64>,
    errors: u64,
}

impl Figures {
    fn of(tally: &Tally, cost: Option<Cost>, exact: Option<f64>) -> Self {
        let tokens = &tally.tokens;
        Self {
            messages: tally.messages,
            input: tokens.input,
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write_5m: tokens.cache_write_5m,
            cache_write_1h: tokens.cache_write_1h,
            web_searches: tokens.web_searches,
            cost_usd: cost.map(|cost| cost.dollars),
            lower_bound: tally.is_lower_bound() || cost.is_some_and(|cost| cost.at_least),
            exact_cost_usd: exact,
            lacks_output: tally.is_lower_bound(),
            lacks_premium: cost.is_some_and(|cost| cost.lacks_premium),
        }
    }

    /// The sum of several; its cost is unknown when one of them is.
    fn sum(models: &[ModelTotals], prices: &Prices, exact: Option<f64>) -> Self {
        let mut tally = Tally::default();
        let mut cost = Some(Cost::default());
        for totals in models {
            tally.merge(&totals.tally);
            cost = cost
                .zip(prices.cost(&totals.model, &totals.tally))
                .map(|(mut sum, more)| {
                    sum += more;
                    sum
                });
        }
        Self::of(&tally, cost, exact)
    }

    /// By model, those of `sessions` that only a result record names too.
    fn by_model(
        models: &[ModelTotals],
        sessions: &[SessionTotals],
        prices: &Prices,
    ) -> BTreeMap<String, Self> {
        let mut found: BTreeMap<String, Self> = models
            .iter()
            .filter(|totals| totals.tally.messages > 0)
            .map(|totals| {
                let cost = prices.cost(&totals.model, &totals.tally);
                (totals.model.clone(), Self::of(&totals.tally, cost, None))
            })
            .collect();
        for name in exact::named(sessions) {
            if !found.contains_key(name) {
                found.insert(name.to_owned(), Self::default());
            }
        }
        if sessions
            .iter()
            .any(|session| !session.exact_models.is_empty())
        {
            for (model, figures) in &mut found {
                figures.exact_cost_usd = exact::of_model(sessions, model);
            }
        }
        found
    }
}

impl Report {
    pub(super) fn of(book: &Book, prices: &Prices) -> Self {
        let models = book.ledger.models();
        let spent: BTreeMap<&str, &SessionTotals> = book
            .ledger
            .sessions()
            .iter()
            .map(|totals| (totals.session.as_str(), totals))
            .collect();
        let mut sessions: Vec<_> = book
            .sessions
            .iter()
            .map(|session| {
                SessionReport::of(session, spent.get(session.id.as_str()).copied(), prices)
            })
            .collect();
        sessions
            .sort_by(|one, other| (&one.first, &one.session).cmp(&(&other.first, &other.session)));
        Self {
            totals: Figures::sum(&models, prices, exact::of_all(book.ledger.sessions())),
            models: Figures::by_model(&models, book.ledger.sessions(), prices),
            sessions,
            files: book.files,
            unreadable_files: book.unreadable,
            lines: book.lines,
            lost_records: book.losses.cut + book.losses.garbage,
        }
    }

    pub(super) fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")
    }

    pub(super) fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{}",
            row([
                "model",
                "messages",
                "input",
                "output",
                "cache read",
                "write 5 min",
                "write 1 h",
                "cost"
            ])
        )?;
        for (model, figures) in &self.models {
            writeln!(out, "{}", figures.row(model))?;
        }
        writeln!(out, "{}", self.totals.row("all"))?;
        writeln!(
            out,
            "\n{}",
            row([
                "session", "messages", "tools", "errors", "duration", "output", "", "cost"
            ])
        )?;
        for session in &self.sessions {
            writeln!(out, "{}", session.row())?;
        }
        let mut tools: BTreeMap<&str, u64> = BTreeMap::new();
        for (tool, count) in self.sessions.iter().flat_map(|session| &session.tools) {
            *tools.entry(tool).or_default() += count;
        }
        let mut tools: Vec<_> = tools.into_iter().collect();
        tools.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let tools: Vec<_> = tools
            .iter()
            .map(|(tool, count)| format!("{tool} {count}"))
            .collect();
        if !tools.is_empty() {
            writeln!(out, "\ntools: {}", plain(&tools.join(", ")))?;
        }
        writeln!(out, "files: {}, lines: {}", self.files, self.lines)?;
        if self.unreadable_files > 0 {
            writeln!(
                out,
                "files that could not be read: {}",
                self.unreadable_files
            )?;
        }
        if self.lost_records > 0 {
            writeln!(out, "records that could not be read: {}", self.lost_records)?;
        }
        for (is_so, why) in [
            (
                self.totals.lacks_output,
                "the transcript never got the final output count of some messages",
            ),
            (
                self.lacks_premium(),
                "the price table lacks what is charged for some messages besides",
            ),
        ] {
            if is_so {
                writeln!(out, "≥: {why}; the truth is more")?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// The sum of all does not tell where one model's price is unknown.
    fn lacks_premium(&self) -> bool {
        let all = self.models.values().chain([&self.totals]);
        all.into_iter().any(|figures| figures.lacks_premium)
    }
}

impl SessionReport {
    fn of(session: &Session, spent: Option<&SessionTotals>, prices: &Prices) -> Self {
        let models = spent.map_or(&[][..], |spent| &spent.models);
        Self {
            session: session.id.clone(),
            cwd: session.cwd.clone(),
            first: session.first.clone(),
            last: session.last.clone(),
            duration_ms: duration(session),
            figures: Figures::sum(models, prices, spent.and_then(exact::of_session)),
            models: Figures::by_model(models, spent.map_or(&[], std::slice::from_ref), prices),
            tools: session.tools.clone(),
            errors: session.errors,
        }
    }

    fn row(&self) -> String {
        row([
            &self.session,
            &self.figures.messages.to_string(),
            &self.tools.values().sum::<u64>().to_string(),
            &self.errors.to_string(),
            &self
                .duration_ms
                .map(crate::render::duration)
                .unwrap_or_default(),
            &self.figures.output(),
            "",
            &self.figures.cost(),
        ])
    }
}

impl Figures {
    fn row(&self, name: &str) -> String {
        let number = crate::render::number;
        row([
            name,
            &number(self.messages),
            &number(self.input),
            &self.output(),
            &number(self.cache_read),
            &number(self.cache_write_5m),
            &number(self.cache_write_1h),
            &self.cost(),
        ])
    }

    fn output(&self) -> String {
        let bound = bound(self.lacks_output);
        format!("{bound}{}", crate::render::number(self.output))
    }

    /// The exact cost where there is one.
    fn cost(&self) -> String {
        if let Some(exact) = self.exact_cost_usd {
            return format!("${exact:.2}");
        }
        self.cost_usd.map_or_else(
            || "unknown".into(),
            |cost| format!("{}${cost:.2}", bound(self.lower_bound)),
        )
    }
}

fn bound(is_lower: bool) -> &'static str {
    if is_lower { "≥ " } else { "" }
}

fn duration(session: &Session) -> Option<u64> {
    let parse = |text: &Option<String>| text.as_deref()?.parse::<jiff::Timestamp>().ok();
    let passed = parse(&session.last)?.duration_since(parse(&session.first)?);
    u64::try_from(passed.as_millis()).ok()
}

fn row(cells: [&str; 8]) -> String {
    let [name, rest @ ..] = cells;
    let name = plain(name);
    rest.iter()
        .fold(format!("{name:<38}"), |row, cell| {
            format!("{row} {cell:>13}")
        })
        .trim_end()
        .to_owned()
}

/// A text of a transcript that cannot steer the terminal it is printed on.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
